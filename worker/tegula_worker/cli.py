"""`tegula-worker`: results to stdout, logs to stderr; exit 0, 1 (our fault) or 2 (input or configuration)."""

import asyncio
import json
import os
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from tegula_market import codec
from tegula_market.adapters import bundles, logs
from tegula_market.adapters.blobs import BlobClient
from tegula_market.adapters.sentences import explained
from tegula_market.model import Digest
from tegula_worker import (
    again,
    benchmark,
    config,
    doctor,
    keys,
    ledger_table,
    program,
    sandbox,
    statement,
    status,
    status_view,
    store,
)
from tegula_worker.findings import Finding
from tegula_worker.passphrases import of_file_or_terminal
from tegula_worker.renderer import Device, Renderer
from tegula_worker.sandbox import Isolation, Sandbox
from tegula_worker.scenes import LaidOut

STATUS_SECONDS = 2.0

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file")]
Coordinator = Annotated[str | None, typer.Option(help="its URL")]
Data = Annotated[Path | None, typer.Option(help="folder for keys, scenes and vouchers")]
Rpc = Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain")]
Price = Annotated[int | None, typer.Option(help="token units asked for a megasample")]
Blender = Annotated[Path | None, typer.Option(help="Blender program; without it, the bpy module renders")]
Verifier = Annotated[bool | None, typer.Option("--verifier", help="render probes for the coordinator")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="file with the payout key's passphrase; without it, a terminal is asked")
]
Verbose = Annotated[int, typer.Option("-v", count=True, help="log everything")]
Quiet = Annotated[bool, typer.Option("-q", help="log warnings only")]
ISOLATED = Isolation.BUBBLEWRAP


@app.command()
def run(
    config_file: ConfigFile = None,
    coordinator: Coordinator = None,
    data: Data = None,
    rpc: Rpc = None,
    price: Price = None,
    verifier: Verifier = None,
    blender: Blender = None,
    passphrase_file: PassphraseFile = None,
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
            passphrase_file=passphrase_file,
        )
        config.check_for_work(settings)
        known = keys.load_or_create(settings.data, of_file_or_terminal(settings.passphrase_file))
        _introduce(settings.data)
        asyncio.run(program.run(settings, keys=known))


@app.command()
def bench(config_file: ConfigFile = None, data: Data = None, blender: Blender = None) -> None:
    """Measure every device that Blender finds, for the data folder. Prints one JSON line for each."""
    logs.configure(0)
    with explained("tegula-worker"):
        settings = _settings(config_file, data=data, blender=blender)
        failed = asyncio.run(benchmark.run(settings, typer.echo))
    raise typer.Exit(1 if failed else 0)


@app.command("keys")
def make_keys(
    config_file: ConfigFile = None,
    data: Data = None,
    passphrase_file: PassphraseFile = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="put a plain payout key under a passphrase")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="make a key without a passphrase")] = False,
) -> None:
    """Make the keys, if there are none, and print their public parts as JSON."""
    with explained("tegula-worker"):
        settings = _settings(config_file, data=data, passphrase_file=passphrase_file)
        passphrase = of_file_or_terminal(settings.passphrase_file)
        keys.create(settings.data, passphrase, plain=plain)
        if encrypt:
            keys.encrypt(settings.data, passphrase)
        if keys.is_plain(settings.data):
            typer.echo(keys.PLAIN_SENTENCE.format(data=settings.data), err=True)
        _introduce(settings.data)


@app.command()
def claim(
    config_file: ConfigFile = None,
    data: Data = None,
    rpc: Rpc = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Collect every voucher that is not collected yet. Prints one JSON line for each."""
    logs.configure(0)
    with explained("tegula-worker"):
        settings = _settings(config_file, data=data, rpc=rpc, passphrase_file=passphrase_file)
        known = keys.load_or_create(settings.data, of_file_or_terminal(settings.passphrase_file))
        for done in program.claim_all(settings, known):
            typer.echo(json.dumps(codec.encode(done)))


@app.command()
def ledger(
    config_file: ConfigFile = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs; amounts are strings")] = False,
) -> None:
    """Show what was earned, is owed and was claimed, and what was refused and why. A worker may run."""
    with explained("tegula-worker"):
        kept = store.Store(_settings(config_file, data=data).data, tidy=False)
        drawn = statement.draw_up(kept.jobs(), kept.tallies(), kept.sums())
    if as_json:
        typer.echo(codec.dumps(drawn))
    else:
        ledger_table.show(drawn, Console(highlight=False))


@app.command("doctor")
def look_at_all(
    config_file: ConfigFile = None,
    coordinator: Coordinator = None,
    data: Data = None,
    rpc: Rpc = None,
    price: Price = None,
    verifier: Verifier = None,
    blender: Blender = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Check all that a worker needs, and say what to do. Exit 0 if all is well, else 1."""
    logs.configure(-1)
    options = {
        "coordinator": coordinator,
        "data": data,
        "rpc": rpc,
        "price": price,
        "verifier": verifier,
        "blender": blender,
        "passphrase_file": passphrase_file,
    }
    console, findings = Console(highlight=False), list[Finding]()
    for finding in doctor.examine(doctor.Asked(config_file, os.environ, options)):
        findings.append(finding)
        if not as_json:
            doctor.show(finding, console)
    if as_json:
        typer.echo(codec.dumps(tuple(findings)))
    raise SystemExit(0 if all(finding.ok for finding in findings) else 1)


@app.command("status")
def show_status(
    config_file: ConfigFile = None,
    data: Data = None,
    once: Annotated[bool, typer.Option("--once", help="print it and end")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs, once; amounts are strings")] = False,
) -> None:
    """Show what the worker of a data folder does, or why it does nothing. Ctrl-C ends the view only."""
    with explained("tegula-worker"):
        folder = _settings(config_file, data=data).data
        if as_json:
            typer.echo(codec.dumps(status.look(folder)))
        elif once:
            Console(highlight=False).print(status_view.view(status.look(folder)))
        else:
            _watch(folder)


def _watch(folder: Path) -> None:
    def drawn() -> RenderableType:
        return status_view.view(status.look(folder))

    with suppress(KeyboardInterrupt), Live(drawn(), console=Console(highlight=False), screen=True) as live:
        while True:
            time.sleep(STATUS_SECONDS)
            live.update(drawn(), refresh=True)


@app.command()
def probe(
    bundle: Annotated[Path, typer.Argument(help="evidence of a verdict")],
    out: Annotated[Path, typer.Option(help="folder for the images")],
    scene: Annotated[Path | None, typer.Option(help="the scene's folder, or the .blend in it")] = None,
    coordinator: Coordinator = None,
    token_file: Annotated[Path | None, typer.Option(help="file with a bearer token of its")] = None,
    blender: Blender = None,
    device: Annotated[Device, typer.Option(help="what to render on")] = Device.CPU,
    isolation: Annotated[Isolation, typer.Option("--sandbox", help="what to render in")] = ISOLATED,
) -> None:
    """Render the probes of a verdict again, as a verifier does. Prints the trial with them as JSON."""
    logs.configure(-1)
    with explained("tegula-worker"), TemporaryDirectory(prefix="tegula-bundle-") as scratch:
        out.mkdir(parents=True, exist_ok=True)
        stated, find = bundles.read(bundle, Path(scratch))
        manifest = stated.trial.order.scene.manifest
        with _scene(scene, coordinator, token_file, manifest, find(manifest)) as laid:
            walls = sandbox.chosen(isolation, Sandbox())
            renderer = Renderer(blender, device=device, sandbox=walls)
            twin = Renderer(blender, environment=program.OTHER_KERNEL, sandbox=walls)
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
    worker, payout = keys.shown(data)
    typer.echo(json.dumps({"worker": "0x" + worker.hex(), "payout": "0x" + payout.hex()}))
