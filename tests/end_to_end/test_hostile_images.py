"""Images that are none, from workers and verifiers: who is blamed, what stays up, what memory it takes."""

from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, assert_identical, assert_settled, begin, run
from end_to_end.kills import JOB_SECONDS
from end_to_end.stage import kill, said, stage
from tegula.programs import Program
from tegula_market.model import Outcome as Decision

pytestmark = pytest.mark.slow

KINDS = ("huge", "channels", "truncated", "deep", "magic", "bomb")
MOST_MEMORY = 1 << 30
"""Bytes of resident memory that the coordinator ever had; one of these images claims 16 times as much."""


def a_job(folder: Path) -> Job:
    return Job(scenes.build("spheres", folder), folder / "out", samples=4, tile=90, scale=8)


def test_hostile_images_are_rejected_and_cost_nobody_else(tmp_path: Path) -> None:
    """From as many workers as there are kinds, each with a first tile; a tile lives through five of them."""
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        crooks = {it.worker(f"crook {kind}", 30, kind)[1] for kind in KINDS}
        _, ann = it.worker("ann", 40)
        job = replace(a_job(tmp_path), tile=40)
        played = run(job, it.market)
        decided = {(verdict.worker, verdict.outcome) for verdict in played.verdicts}
        assert decided == {(ann, Decision.ACCEPTED), *((crook, Decision.REJECTED) for crook in crooks)}
        assert_settled(played, it.market)
        assert_identical(job, played)
        assert peak_memory(coordinator) < MOST_MEMORY


@pytest.mark.parametrize("kind", ["huge", "truncated"])
def test_a_hostile_verifier_harms_no_worker(tmp_path: Path, kind: str) -> None:
    """Its images say nothing; once the operator has put an honest one in its place, the job goes on."""
    with stage() as it:
        coordinator = it.coordinator()
        hostile = it.verifier(kind)
        _, ann = it.worker("ann", 40)
        job = a_job(tmp_path)
        running = begin(job, it.market)
        assert "INCONCLUSIVE" in said(coordinator, "verdict")
        kill(hostile)
        it.verifier()
        played = running.result(JOB_SECONDS)
        outcomes = {(v.worker, v.outcome) for v in played.verdicts}
        assert outcomes == {(ann, Decision.INCONCLUSIVE), (ann, Decision.ACCEPTED)}
        assert_settled(played, it.market)
        assert_identical(job, played)
        assert peak_memory(coordinator) < MOST_MEMORY


def peak_memory(program: Program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
