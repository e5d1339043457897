"""The status as a provider reads it."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tegula_market.model import ETHER, JobId, Wei
from tegula_worker import status_view
from tegula_worker.snapshot import Idle
from tegula_worker.statement import Statement, draw_up
from tegula_worker.status import Life, Status
from tegula_worker.tallies import Sums, Tally
from worker.test_snapshot import MOMENT

NOTHING = Statement((), (), ())
TALLY = Tally(JobId(b"\xab" * 32), ETHER, 0, Wei(1), Wei(12_000), Wei(12_000), Wei(2_000), accepted=3)


def _shown(status: Status, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(status_view.view(status))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_worker_that_renders() -> None:
    books = draw_up([], [replace(TALLY, closed=True)], Sums())
    shown = _shown(Status(Life.RUNS, 1, replace(MOMENT, idle=None), books))
    for words in (
        "process 7 works for http://c with Blender 4.5.15, for 1 minute now",
        "renders 1 tile",
        "50 °C",
        "set aside: it renders black",
        "under way for 10 seconds",
        "rendered, waits for its verdict",
        "asked for at 40 a megasample",
        "12,000",
        "2,000",
    ):
        assert words in shown


def test_an_idle_one_says_why() -> None:
    foreign = Idle("OUTBID", "the job [red]cleared[/red] at 30")
    shown = _shown(Status(Life.RUNS, 1, replace(MOMENT, working=(), idle=foreign), NOTHING))
    assert "idle: OUTBID  the job [red]cleared[/red] at 30" in shown, "somebody else's words are no markup"
    assert "nothing was earned yet" in shown
    assert "verifies" in _shown(Status(Life.RUNS, 1, replace(MOMENT, verifier=True), NOTHING))


def test_one_that_does_not_run() -> None:
    ended = _shown(Status(Life.ENDED, 300, MOMENT, NOTHING))
    assert "the worker does not run: process 7 has ended, and was last seen 5 minutes ago" in ended
    assert "under way" not in ended, "it does nothing any more"
    silent = _shown(Status(Life.SILENT, 7300, MOMENT, NOTHING))
    assert "has said nothing for 2 hours; is it stopped?" in silent
    assert "tegula-worker run" in _shown(Status(Life.NEVER, 0, None, NOTHING))


def test_many_are_counted() -> None:
    many = replace(MOMENT, unjudged=tuple(f"{'ab' * 32}/{unit}/1" for unit in range(9)))
    shown = _shown(Status(Life.RUNS, 1, many, NOTHING))
    assert (shown.count("waits for its verdict"), "and 4 more" in shown) == (5, True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (119, "1 minute"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_a_span_in_words(seconds: int, words: str) -> None:
    assert status_view.span(seconds) == words


def test_nothing_is_cut_on_a_narrow_terminal() -> None:
    books = draw_up([], [replace(TALLY, promised=Wei(10**24), closed=True)], Sums())
    assert "…" not in _shown(Status(Life.RUNS, 1, MOMENT, books), 60)
