"""The status as an operator reads it."""

import io
from dataclasses import replace

from rich.console import Console

from coordinator.playbook import ANN, JOB, JUDGE, payout
from tegula_coordinator import status_view
from tegula_coordinator.dashboard.overview import JobLine, Overview, WorkerLine
from tegula_coordinator.readiness import Check
from tegula_coordinator.store import Extent
from tegula_market.model import ETHER, Address, JobId, Wei, WorkerId

WAITS = "None of the [red]asks[/red] that stand could be taken"
JOB_LINE = JobLine(
    JOB, "OPEN", 9, 1, 2, 3, 3, Wei(1_040), ETHER, Wei(80), Wei(40), 10_000, "NOBODY_TAKEN", WAITS
)
WORKER = WorkerLine(ANN, payout(ANN), "CUDA", "4.5.15", False, 4, 2, 0, 7, 1, "RENDERING", "It has 2 tiles.")
LOG = Extent(1_000, 5_400.0, 1_134, 7_200.0, 3 << 29)
SEEN = Overview(
    9_000.0, 1_800.0, "0.1.0", Address(b"\x0c" * 20), 8453, 1_234, LOG, (Check("lead", ok=True),),
    Wei(10**17), 50 << 30, (JOB_LINE,), 5, (WORKER, replace(WORKER, key=JUDGE, verifier=True)), 3,
)  # fmt: skip


def shown(seen: Overview) -> str:
    console = Console(file=io.StringIO(), width=240, highlight=False)
    console.print(status_view.view(seen))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_busy_coordinator() -> None:
    text = shown(SEEN)
    for words in (
        "on chain 8453, version 0.1.0, serves for 2 hours now",
        "ready: database",
        "235 events in the log, the oldest is number 1,000, 1 hour ago",
        "checkpoint of 30 minutes ago, 100 events behind; the database takes 1.50 GiB",
        "50.0 GiB free; ether for gas: 0.100000",
        JOB.hex()[:10],
        "1,040 wei",
        "3 of 9",
        "7 passed, 1 rejected",
        f"NOBODY_TAKEN  {WAITS}",
        "16 minutes",
        "2 of 4",
        "verifier",
        "1 job; 5 are closed",
        "2 workers; 3 are not connected",
    ):
        assert words in text, words


def test_a_log_that_is_whole_and_has_no_checkpoint() -> None:
    text = shown(replace(SEEN, log=Extent(1, 100.0, 0, 0.0, 1 << 20)))
    assert "1,234 events in the log; no checkpoint yet; the database takes 0.00 GiB" in text
    assert "0 events in the log; no checkpoint yet" in shown(replace(SEEN, log=Extent(0, 0.0, 0, 0.0, 0)))


def test_an_empty_one_that_is_not_ready() -> None:
    away = Check("chain", ok=False, reason="the chain's node does not answer")
    text = shown(replace(SEEN, checks=(away,), ether=None, jobs=(), workers=()))
    for words in (
        "not ready: chain: the chain's node does not answer",
        "ether for gas: the chain does not say",
        "no job is open; 5 are closed",
        "no worker is online",
    ):
        assert words in text, words
    assert "ready: database" not in text


def test_what_is_too_much_for_a_terminal() -> None:
    many = tuple(replace(WORKER, key=WorkerId(bytes([n]) * 32)) for n in range(100))
    jobs = tuple(replace(JOB_LINE, job=JobId(bytes([n]) * 32)) for n in range(25))
    text = shown(replace(SEEN, workers=many, jobs=jobs))
    assert "100 workers; 20 of them are listed; 3 are" in text
    assert "25 jobs; 20 of them are listed" in text
