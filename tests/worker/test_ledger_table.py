"""The ledger as a provider reads it."""

import io

from rich.console import Console

from tegula_market.model import ETHER, Address, JobId, Wei
from tegula_worker import ledger_table
from tegula_worker.statement import draw_up
from tegula_worker.tallies import Sums, Tally


def _shown(tallies: list[Tally], sums: Sums) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    ledger_table.show(draw_up([], tallies, sums), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_amounts_states_and_reasons() -> None:
    job = JobId(b"\xab" * 32)
    tally = Tally(job, ETHER, 0, Wei(1), Wei(12_000), Wei(12_000), Wei(2_000), rejected=1, closed=True)
    sums = Sums().refuse("call", "CLOSED", "it is [bold]Mon[/bold] 12:00", 0)
    shown = _shown([tally.reject("unequal pixels")], sums)
    for words in ("ether, wei", "ababababab", "closed", "12,000", "10,000", "2,000", "unequal pixels"):
        assert words in shown
    assert "it is [bold]Mon[/bold] 12:00" in shown, "somebody else's words are no markup"
    assert "1970-01-01 00:00 UTC" in shown


def test_no_digit_is_cut_on_a_narrow_terminal() -> None:
    console = Console(file=io.StringIO(), width=60, highlight=False)
    tally = Tally(
        JobId(b"\xab" * 32), Address(b"\x04" * 20), 0, Wei(1), Wei(10**24), Wei(10**24), Wei(10**23)
    )
    ledger_table.show(draw_up([], [tally], Sums()), console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert "rejected" not in shown, "a column of zeros"


def test_nothing_yet() -> None:
    assert _shown([], Sums()) == "nothing was earned yet\n"
    assert "0x" + "04" * 20 in _shown(
        [], Sums().fold(Tally(JobId(bytes(32)), Address(b"\x04" * 20), 0, Wei(0)))
    )
