"""A worker's status as a person reads it on a terminal. Pure: from facts to what rich draws."""

from collections.abc import Iterator
from typing import assert_never

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tegula_market.model import ETHER, Address, lease_parts
from tegula_worker.snapshot import DeviceState, Snapshot
from tegula_worker.status import Life, Status

SHORT = 10
"""Hex digits of a job, as the ledger shows."""
MANY = 5
"""Lines of one kind."""


def view(status: Status) -> Group:
    parts: list[RenderableType] = [_headline(status)]
    moment = status.moment
    if moment is not None and status.life in {Life.RUNS, Life.SILENT}:
        parts += [_now(moment), _devices(moment.devices)]
        if moment.working or moment.asks or moment.unjudged:
            parts.append(_jobs(moment))
    parts += _money(status)
    return Group(*parts)


def _headline(status: Status) -> Text:
    moment = status.moment
    match status.life:
        case Life.NEVER:
            return Text("no worker has run on this data folder yet; start one: tegula-worker run", "yellow")
        case Life.ENDED:
            assert moment is not None
            said = f"the worker does not run: process {moment.pid} has ended, and was last seen"
            return Text(f"{said} {span(status.age)} ago; start it: tegula-worker run", "bold red")
        case Life.SILENT:
            assert moment is not None
            said = (
                f"process {moment.pid} is there and has said nothing for {span(status.age)}; is it stopped?"
            )
            return Text(said, "bold red")
        case Life.RUNS:
            assert moment is not None
            what = "verifies" if moment.verifier else "works"
            return Text(
                f"process {moment.pid} {what} for {moment.coordinator} with Blender {moment.blender},"
                f" for {span(moment.at - moment.since)} now"
            )
        case _:
            assert_never(status.life)


def _now(moment: Snapshot) -> Text:
    if moment.idle is None:
        return Text(f"renders {_count(len(moment.working), 'tile')}", "green")
    style = "yellow" if moment.connected else "bold red"
    return Text.assemble(("idle: ", style), (moment.idle.code, style), f"  {moment.idle.sentence}")


def _devices(devices: tuple[DeviceState, ...]) -> Table:
    table = _table("devices", "device", "temperature", "state")
    for device in devices:
        celsius = "" if device.celsius is None else f"{device.celsius} °C"
        state = Text(f"set aside: {device.aside}", "bold red") if device.aside else Text("in use")
        table.add_row(Text(device.name), celsius, state)
    return table


def _jobs(moment: Snapshot) -> Table:
    table = _table("jobs", "job", "tile", "state")
    for each in moment.working:
        job, unit, _ = lease_parts(each.lease)
        table.add_row(job.hex()[:SHORT], str(unit), f"under way for {span(moment.at - each.since)}")
    for lease in moment.unjudged[:MANY]:
        job, unit, _ = lease_parts(lease)
        table.add_row(job.hex()[:SHORT], str(unit), "rendered, waits for its verdict")
    for ask in moment.asks[:MANY]:
        table.add_row(ask.job.hex()[:SHORT], "", f"asked for at {ask.price:,} a megasample")
    left = max(0, len(moment.unjudged) - MANY) + max(0, len(moment.asks) - MANY)
    if left:
        table.add_row("", "", f"and {left} more")
    return table


def _money(status: Status) -> Iterator[RenderableType]:
    books = status.books
    if not books.tokens:
        yield Text("nothing was earned yet")
        return
    table = _table("money", "token", "earned", "owed", "claimed", "tiles accepted", "rejected")
    for line in books.tokens:
        amounts = (line.earned, line.owed, line.claimed, line.accepted, line.rejected)
        table.add_row(_token(line.token), *(f"{amount:,}" for amount in amounts))
    yield table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _token(token: Address) -> str:
    return "ether, wei" if token == ETHER else "0x" + token.hex()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def span(seconds: int) -> str:
    """In the largest unit that is not 0."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return _count(seconds // size, unit)
    return _count(seconds, "second")
