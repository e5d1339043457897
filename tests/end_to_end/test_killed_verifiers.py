"""A verifier is killed, by itself or with all others: nobody is blamed."""

from pathlib import Path

import pytest

from end_to_end.kills import a_job, meanwhile
from end_to_end.processes import still_running
from end_to_end.stage import Stage, kill, said, stage
from tegula.programs import Program

pytestmark = pytest.mark.slow


def test_a_verifier_killed_in_mid_probe_blames_nobody(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        verifier = it.verifier()
        it.worker("ann", 40)

        def harm() -> None:
            said(verifier, "probe")
            kill(verifier)
            it.verifier()

        played = meanwhile(a_job(tmp_path), it, harm)
        assert all(unit.attempt == 1 for unit in played.outcome.view.units)


def test_a_power_cut(tmp_path: Path) -> None:
    """All of them at once, in the middle of everything; the chain is elsewhere."""
    with stage() as it:
        coordinator, verifier = it.coordinator(), it.verifier()
        workers = [it.worker("ann", 40)[0], it.worker("bob", 50)[0]]

        def harm() -> None:
            said(workers[0], "verdict")
            _kill_all(it, [coordinator, verifier, *workers])
            it.coordinator()
            it.worker("bob", 50)
            it.worker("ann", 40)
            it.verifier()

        meanwhile(a_job(tmp_path), it, harm)


def _kill_all(it: Stage, programs: list[Program]) -> None:
    for program in programs:
        kill(program)
    assert still_running(it.scratch) == []
