"""A coordinator's status as its operator reads it on a terminal. Pure: from facts to what rich draws."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tegula_coordinator.dashboard.overview import JobLine, Overview, WorkerLine
from tegula_market.model import ETHER, Address

SHORT = 10
"""Hex digits of a job or a key."""
TOKEN = 6
MANY = 20
"""Lines of one kind."""
SCARCE_BYTES = 10 << 30


def view(seen: Overview) -> Group:
    parts: list[RenderableType] = [_headline(seen), *_missing(seen), _machine(seen), _log(seen)]
    parts += _jobs(seen) if seen.jobs else [Text(f"no job is open; {seen.closed} are closed")]
    parts += _workers(seen) if seen.workers else [Text("no worker is online", "yellow")]
    return Group(*parts)


def _headline(seen: Overview) -> Text:
    return Text(
        f"coordinator 0x{seen.coordinator.hex()} on chain {seen.chain_id}, version {seen.version}, serves for"
        f" {span(int(seen.at - seen.since))} now"
    )


def _log(seen: Overview) -> Text:
    log = seen.log
    kept = seen.events - log.oldest + 1 if log.oldest else 0
    said = f"{kept:,} events in the log"
    if log.oldest > 1:
        said += f", the oldest is number {log.oldest:,}, {_ago(seen, log.oldest_at)}"
    checkpoint = "no checkpoint yet"
    if log.checkpoint:
        behind = seen.events - log.checkpoint
        checkpoint = f"checkpoint of {_ago(seen, log.checkpoint_at)}, {_count(behind, 'event')} behind"
    return Text(f"{said}; {checkpoint}; the database takes {log.bytes / (1 << 30):,.2f} GiB")


def _ago(seen: Overview, at: float) -> str:
    return f"{span(max(0, int(seen.at - at)))} ago"


def _missing(seen: Overview) -> Iterator[Text]:
    missing = [check for check in seen.checks if not check.ok]
    if not missing:
        yield Text("ready: database, blobs and chain answer, and a verifier is online", "green")
    for check in missing:
        yield Text(f"not ready: {check.part}: {check.reason}", "bold red")


def _machine(seen: Overview) -> Text:
    ether = "the chain does not say" if seen.ether is None else f"{seen.ether / 10**18:.6f}"
    style = "bold red" if seen.free_bytes < SCARCE_BYTES else ""
    return Text.assemble((f"{seen.free_bytes / (1 << 30):,.1f} GiB free", style), f"; ether for gas: {ether}")


def _jobs(seen: Overview) -> Iterator[RenderableType]:
    table = _table("jobs", "job", "phase", "tiles", "under way", "price", "left", "waits for")
    for job in seen.jobs[:MANY]:
        tiles = f"{job.accepted:,} of {job.tiles:,}"
        price = "" if job.price is None else f"{job.price:,} {_token(job.token)}"
        left = span(max(0, int(job.deadline - seen.at)))
        row = (job.job.hex()[:SHORT], job.phase, tiles, str(job.leased + job.delivered), price, left)
        table.add_row(*row, _why(job))
    yield table
    yield _rest(len(seen.jobs), "job", f"{seen.closed} are closed")


def _workers(seen: Overview) -> Iterator[RenderableType]:
    table = _table("workers", "key", "device", "busy", "audits", "state")
    for each in seen.workers[:MANY]:
        busy = f"{each.leases + each.probes} of {each.slots}"
        audits = "verifier" if each.verifier else f"{each.passed} passed, {each.rejected} rejected"
        table.add_row(each.key.hex()[:SHORT], Text(each.device), busy, audits, _why(each))
    yield table
    yield _rest(len(seen.workers), "worker", f"{seen.offline} are not connected")


def _why(line: JobLine | WorkerLine) -> Text:
    """Sentences can quote workers, whose words are no markup."""
    return Text(f"{line.code}  {line.sentence}" if line.code else "")


def _rest(number: int, what: str, besides: str) -> Text:
    cut = f"; {MANY} of them are listed" if number > MANY else ""
    return Text(f"{_count(number, what)}{cut}; {besides}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _token(token: Address) -> str:
    return "wei" if token == ETHER else f"of 0x{token.hex()[:TOKEN]}"


def span(seconds: int) -> str:
    """In the largest unit that is not 0."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return _count(seconds // size, unit)
    return _count(seconds, "second")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
