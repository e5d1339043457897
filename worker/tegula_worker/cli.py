"""`tegula-worker`: results to stdout, logs to stderr; exit 0, 1 (our fault) or 2 (input or configuration)."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from tegula_market.model import TegulaError
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
    _configure_logging(-1 if quiet else verbose)
    with _explained():
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
    with _explained():
        _introduce(data)


@app.command()
def claim(config_file: ConfigFile = None, data: Data = None, rpc: Rpc = None) -> None:
    """Collect every voucher that is not collected yet. Prints one JSON line for each."""
    _configure_logging(0)
    with _explained():
        for record, tx in program.claim_all(_settings(config_file, data=data, rpc=rpc)):
            paid = {"job": "0x" + record.job.hex(), "cumulative": str(record.earned)}
            typer.echo(json.dumps({**paid, "tx": tx and "0x" + tx.hex()}))


def _settings(path: Path | None, **options: Any) -> config.Config:
    return config.load(path, os.environ, options)


def _introduce(data: Path) -> None:
    known = keys.load_or_create(data)
    public, payout = known.curve.public.hex(), known.payout.address.hex()
    typer.echo(json.dumps({"worker": "0x" + public, "payout": "0x" + payout}))


@contextmanager
def _explained() -> Iterator[None]:
    """One sentence instead of a traceback for what the provider can put right."""
    sentences: list[str] = []
    try:
        yield
    except* TegulaError as group:
        sentences += map(str, _leaves(group))
    for sentence in sentences:
        typer.echo(f"tegula-worker: {sentence}", err=True)
    if sentences:
        raise typer.Exit(2)


def _leaves(group: BaseExceptionGroup[TegulaError]) -> Iterator[TegulaError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _configure_logging(verbosity: int) -> None:
    """One event per line on stderr. `verbosity`: -1 warnings only, 0 moves, 1 everything."""
    level = {-1: 30, 0: 20}.get(verbosity, 10)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
