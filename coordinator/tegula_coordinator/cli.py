"""`tegula-coordinator`: results to stdout, logs to stderr; exit 0, 1 (our fault) or 2 (input)."""

import asyncio
import dataclasses
import json
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from tegula_coordinator import (
    backup,
    config,
    deployment,
    founding,
    operator_cli,
    restoring,
    scribe,
    service,
    token_cli,
)
from tegula_coordinator.backup import Contents, Places
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.operator_cli import ConfigFile
from tegula_coordinator.store import AuditLog, EventLog
from tegula_coordinator.tiles import sizes
from tegula_market import codec
from tegula_market.adapters import logs
from tegula_market.adapters.sentences import explained
from tegula_market.model import MAX_FEE_PER_GAS

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(operator_cli.app)
app.add_typer(token_cli.app, name="token")
LOCAL_RPC = "http://127.0.0.1:8545"
"""Where a node on this machine serves, unless told otherwise."""


@app.command()
def serve(
    config_file: ConfigFile,
    verbose: Annotated[int, typer.Option("-v", count=True, help="log everything")] = 0,
    quiet: Annotated[bool, typer.Option("-q", help="log warnings only")] = False,
) -> None:
    """Take jobs, hold auctions, have tiles verified, co-sign vouchers. Prints its addresses as JSON."""
    with explained("tegula-coordinator"):
        settings = config.load(config_file)
        logs.configure(-1 if quiet else verbose, as_json=settings.log == "json")
        asyncio.run(service.serve(settings))


@app.command()
def keys(folder: Annotated[Path, typer.Option("--dir", help="where the key files go")]) -> None:
    """Make the key files, a first requester's token and the operator's; prints the public parts as JSON."""
    with explained("tegula-coordinator"):
        made = founding.keys(folder)
    typer.echo(json.dumps(codec.encode(made)))


@app.command()
def init(
    folder: Annotated[Path, typer.Option("--dir", help="where configuration, keys and data go; a new one")],
    rpc: Annotated[str, typer.Option(help="JSON-RPC URL of the chain")] = LOCAL_RPC,
) -> None:
    """Make a configuration that explains every key, key files and tokens. Prints the public parts as JSON."""
    with explained("tegula-coordinator"):
        made = founding.init(folder, rpc)
    config_file = folder / founding.CONFIG
    typer.echo(f"Read {config_file}: rpc, escrow and verifiers are yours to say. Then:", err=True)
    typer.echo(f"  tegula-coordinator serve --config {shlex.quote(str(config_file))}", err=True)
    typer.echo(json.dumps(codec.encode(made)))


@app.command("backup")
def make_backup(
    config_file: ConfigFile, to: Annotated[Path, typer.Option(help="the file to write; a new one")]
) -> None:
    """Write database, blobs, evidence and transactions under way into one file, while it serves."""
    with explained("tegula-coordinator"):
        settings = config.load(config_file)
        places = Places.of(settings)
        made = backup.make(places, to)
    for missing in _elsewhere(places):
        typer.echo(missing, err=True)
    typer.echo(f"The keys that {config_file} names are not in it: keep a copy of them elsewhere.", err=True)
    typer.echo(json.dumps(_sum(made)))


@app.command()
def restore(
    config_file: ConfigFile, source: Annotated[Path, typer.Argument(metavar="FROM", help="a backup")]
) -> None:
    """Put a backup where the configuration has its places, checked, and over nothing. Needs the same keys."""
    with explained("tegula-coordinator"):
        settings = config.load(config_file)
        restored = restoring.restore(settings, source)
    for missing in _elsewhere(Places.of(settings)):
        typer.echo(missing, err=True)
    typer.echo(f"Then: tegula-coordinator replay --config {shlex.quote(str(config_file))}", err=True)
    typer.echo(json.dumps(_sum(restored)))


def _elsewhere(places: Places) -> Iterator[str]:
    if places.book is None:
        yield "The database is a server's, and not in it: pg_dump saves it, and has to before this."
    if places.blobs is None:
        yield "Blobs are in the bucket, and not in it."


def _sum(contents: Contents) -> dict[str, Any]:
    names = [part.name.split("/")[0] for part in contents.parts]
    counts = {kind: names.count(kind) for kind in (backup.EVIDENCE, backup.BLOBS)}
    return {"database": backup.BOOK in names, **counts, "bytes": sum(part.size for part in contents.parts)}


@app.command()
def deploy(
    rpc: Annotated[str, typer.Option(help="JSON-RPC URL of the chain")],
    key_file: Annotated[Path | None, typer.Option(help="key that pays: a file of 64 hex digits")] = None,
    keystore_file: Annotated[
        Path | None, typer.Option("--keystore", help="or one under a passphrase")
    ] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="its first line; asked for without")] = None,
    max_fee_per_gas: Annotated[
        int, typer.Option(min=1, help="most wei to pay for a unit of gas")
    ] = MAX_FEE_PER_GAS,
    source: Annotated[Path | None, typer.Option(help="write here what block explorers verify")] = None,
    contracts: Annotated[Path | None, typer.Option(help="contracts folder of a checkout, for that")] = None,
) -> None:
    """Put the escrow on a chain, if it is not there, and into the address book. Prints its entry as JSON."""
    logs.configure(0)
    with explained("tegula-coordinator"):
        written = None if source is None else deployment.source(contracts)
        key = deployment.key(key_file, keystore_file, passphrase_file)
        entry = deployment.deploy(rpc, key, max_fee_per_gas)
        if source is not None:
            source.write_text(json.dumps(written))
    typer.echo(json.dumps(codec.encode(entry)))


@app.command("audit")
def show_audit(
    config_file: ConfigFile,
    last: Annotated[int, typer.Option(min=1, help="so many of the latest")] = 100,
    who: Annotated[str, typer.Option(help="a token's name, `operator`, or an address; else everybody")] = "",
) -> None:
    """Print who asked for what, and when: one JSON object a line; times are Unix seconds."""
    with explained("tegula-coordinator"), closing(AuditLog(config.load(config_file).database_url)) as audit:
        for entry in audit.last(last, who):
            typer.echo(json.dumps(dataclasses.asdict(entry)))


@app.command("checkpoint")
def write_checkpoint(config_file: ConfigFile) -> None:
    """Write the book beside its log, while it serves: a start replays only what comes after. Prints JSON."""
    logs.configure(-1)
    with explained("tegula-coordinator"):
        made = scribe.write(scribe.Setting.of(config.load(config_file)))
    typer.echo(json.dumps({"events": made.seq, "bytes": made.size}))


@app.command()
def replay(config_file: ConfigFile) -> None:
    """Replay the event log, from the newest checkpoint, without serving; prints what it amounts to."""
    logs.configure(-1)
    with explained("tegula-coordinator"):
        settings = config.load(config_file)
        keeper = Bookkeeper(
            Book(sizes, Timing(settings.call_seconds, settings.lease_seconds)),
            EventLog(settings.database_url),
        )
        keeper.replay()
    jobs = {job.id.hex(): job.phase.value for job in keeper.book.jobs.values()}
    typer.echo(json.dumps({"events": keeper.seq, "jobs": jobs}))
