"""`tegula-worker`: results to stdout, logs to stderr; exit 0, 1 (our fault) or 2 (input or configuration)."""

import asyncio
import json
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from tegula_market import codec
from tegula_market.adapters import bundles, logs
from tegula_market.adapters.blobs import BlobClient
from tegula_market.adapters.sentences import explained
from tegula_market.model import Digest
from tegula_worker import again, benchmark, config, keys, program
from tegula_worker.renderer import Device, Renderer
from tegula_worker.scenes import LaidOut

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


@app.command()
def bench(config_file: ConfigFile = None, data: Data = None, blender: Blender = None) -> None:
    """Measure every device that Blender finds, for the data folder. Prints one JSON line for each."""
    logs.configure(0)
    with explained("tegula-worker"):
        settings = _settings(config_file, data=data, blender=blender)
        failed = asyncio.run(benchmark.run(settings, typer.echo))
    raise typer.Exit(1 if failed else 0)


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


@app.command()
def probe(
    bundle: Annotated[Path, typer.Argument(help="evidence of a verdict")],
    out: Annotated[Path, typer.Option(help="folder for the images")],
    scene: Annotated[Path | None, typer.Option(help="the scene's folder, or the .blend in it")] = None,
    coordinator: Coordinator = None,
    token_file: Annotated[Path | None, typer.Option(help="file with a bearer token of its")] = None,
    blender: Blender = None,
    device: Annotated[Device, typer.Option(help="what to render on")] = Device.CPU,
) -> None:
    """Render the probes of a verdict again, as a verifier does. Prints the trial with them as JSON."""
    logs.configure(-1)
    with explained("tegula-worker"), TemporaryDirectory(prefix="tegula-bundle-") as scratch:
        out.mkdir(parents=True, exist_ok=True)
        stated, find = bundles.read(bundle, Path(scratch))
        manifest = stated.trial.order.scene.manifest
        with _scene(scene, coordinator, token_file, manifest, find(manifest)) as laid:
            renderer = Renderer(blender, device=device)
            twin = Renderer(blender, environment=program.OTHER_KERNEL)
            done = asyncio.run(again.render(stated.trial, laid, out, renderer, twin))
    typer.echo(codec.dumps(done))


def _scene(
    scene: Path | None, coordinator: str | None, token_file: Path | None, manifest: Digest, listed: Path
) -> AbstractContextManager[LaidOut]:
    most = config.Config().max_scene_bytes
    if scene is not None:
        return nullcontext(again.given(scene, listed, most))
    if coordinator is None or token_file is None:
        raise config.ConfigError("name the scene: --scene FOLDER, or --coordinator URL --token-file FILE")
    try:
        token = token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise config.ConfigError(f"cannot read the token file {token_file}: {error}") from error
    return again.fetched(BlobClient(coordinator, token), manifest, most)


def _settings(path: Path | None, **options: Any) -> config.Config:
    return config.load(path, os.environ, options)


def _introduce(data: Path) -> None:
    known = keys.load_or_create(data)
    public, payout = known.curve.public.hex(), known.payout.address.hex()
    typer.echo(json.dumps({"worker": "0x" + public, "payout": "0x" + payout}))
