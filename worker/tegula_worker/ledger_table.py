"""A statement as tables on a terminal."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tegula_market.model import ETHER, Address
from tegula_worker.statement import JobLine, Statement, TokenLine
from tegula_worker.tallies import Refusal

AMOUNTS = {
    name: name for name in ("earned", "unsigned", "owed", "rooted", "lost", "claimed", "accepted", "rejected")
} | {"fees": "fees, wei"}
ALWAYS = frozenset(("earned", "owed", "claimed"))
SHORT = 10
"""Hex digits of a job: enough to tell a provider's jobs apart."""

Line = TypeVar("Line", TokenLine, JobLine)


def show(statement: Statement, console: Console) -> None:
    if statement.tokens:
        console.print(_money("tokens", ("token", "jobs"), statement.tokens, _of_token))
    else:
        console.print("nothing was earned yet")
    if statement.jobs:
        console.print(_money("jobs", ("job", "state"), statement.jobs, _of_job))
    if statement.refusals:
        console.print(_refusals(statement.refusals))
    for line in statement.jobs:
        for what, why in (("tiles rejected", line.rejection), ("vouchers refused", line.refusal)):
            if why:
                console.print(Text(f"{line.job.hex()[:SHORT]} {what}, last: {why}"))


def _money(
    title: str, names: tuple[str, str], lines: Sequence[Line], head: Callable[[Line], tuple[str, str]]
) -> Table:
    """Columns that are 0 all the way down are left out; a number that does not fit is folded, never cut."""
    table = Table(title=title, title_justify="left")
    shown = [name for name in AMOUNTS if name in ALWAYS or any(getattr(line, name) for line in lines)]
    for name in names:
        table.add_column(name, overflow="fold")
    for name in shown:
        table.add_column(AMOUNTS[name], justify="right", overflow="fold")
    for line in lines:
        table.add_row(*head(line), *(f"{getattr(line, name):,}" for name in shown))
    return table


def _of_token(line: TokenLine) -> tuple[str, str]:
    return _token(line.token), str(line.jobs)


def _of_job(line: JobLine) -> tuple[str, str]:
    return line.job.hex()[:SHORT], line.state


def _token(token: Address) -> str:
    return "ether, wei" if token == ETHER else "0x" + token.hex()


def _refusals(refusals: Iterable[Refusal]) -> Table:
    table = Table("what", "why", "times", "last", "as it was said", title="no work", title_justify="left")
    for each in refusals:
        when = f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M} UTC"
        table.add_row(each.kind, each.code, str(each.count), when, Text(each.sentence))
    return table
