"""`tegula-worker`: results to stdout, logs to stderr; exit 0, 1 (our fault) or 2 (input or configuration)."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tegula_market.adapters import logs
from tegula_market.adapters.sentences import explained
from tegula_worker import config, keys, program

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file")]
Coordinator = Annotated[str | None, typer.Option(help="its URL")]
Data = Annotated[Path | None, typer.Option(help="folder for keys, scenes and vouchers")]
Rpc = Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain")]
Price = Annotated[int | None, typer.Option(help="token units asked for a megasample")]
Blender = Annotated[Path | None, typer.Option(help="Blender program; without it, the bpy module renders")]
Verifier = Annotated[bool | None, typer.Option("--verifier", help="render probes for the coordinator")]
Verbose = Annotated[int, typer.Option("-v", count=True, help="log everything")]
Quiet = Annotated[bool, typer.Option("-q", help="log warnings only")]


@app.command()
def run(
    config_file: ConfigFile = None,
    coordinator: Coordinator = None,
    data: Data = None,
    rpc: Rpc = None,
    price: Price = None,
    verifier: Verifier = None,
    blender: Blender = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Ask for jobs, render tiles, be paid. Prints who it is as JSON."""
    logs.configure(-1 if quiet else verbose)
    with explained("tegula-worker"):
        settings = _settings(
            config_file,
            coordinator=coordinator,
            data=data,
            rpc=rpc,
            price=price,
            verifier=verifier,
            blender=blender,
        )
        config.check_for_work(settings)
        _introduce(settings.data)
        asyncio.run(program.run(settings))


@app.command("keys")
def make_keys(data: Annotated[Path, typer.Option(help="folder for the key files")]) -> None:
    """Make the keys, if there are none, and print their public parts as JSON."""
    with explained("tegula-worker"):
        _introduce(data)


@app.command()
def claim(config_file: ConfigFile = None, data: Data = None, rpc: Rpc = None) -> None:
    """Collect every voucher that is not collected yet. Prints one JSON line for each."""
    logs.configure(0)
    with explained("tegula-worker"):
        for record, tx in program.claim_all(_settings(config_file, data=data, rpc=rpc)):
            paid = {"job": "0x" + record.job.hex(), "cumulative": str(record.earned)}
            typer.echo(json.dumps({**paid, "tx": tx and "0x" + tx.hex()}))


def _settings(path: Path | None, **options: Any) -> config.Config:
    return config.load(path, os.environ, options)


def _introduce(data: Path) -> None:
    known = keys.load_or_create(data)
    public, payout = known.curve.public.hex(), known.payout.address.hex()
    typer.echo(json.dumps({"worker": "0x" + public, "payout": "0x" + payout}))
