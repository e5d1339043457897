"""SIGKILL at any program, at the worst moment: nothing accepted is lost, nothing is paid twice."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, all_accepted, assert_identical, assert_settled, run, verdicts
from end_to_end.stage import Stage, kill, said, stage
from tegula.outcome import Outcome
from tegula_market.model import Outcome as Decision
from tegula_market.model import Scene

pytestmark = pytest.mark.slow

Running = Future[tuple[Outcome, Scene]]


def meanwhile(job: Job, it: Stage, act: Callable[[], None]) -> Outcome:
    """Runs the job while `act` does harm; whatever it did, the frame is right and so is the money."""
    with ThreadPoolExecutor(1) as pool:
        running: Running = pool.submit(run, job, it.market)
        act()
        outcome, scene = running.result()
    assert_identical(job, outcome, scene)
    assert_settled(outcome, it.market)
    return outcome


def a_job(folder: Path, samples: int = 32) -> Job:
    return Job(scenes.build("spheres", folder), folder / "out", samples=samples, scale=12, tile=60)


def test_a_worker_killed_in_mid_tile_loses_it_to_another(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        doomed, _ = it.worker("doomed", 30)
        it.worker("ann", 40)

        def act() -> None:
            said(doomed, "lease")
            kill(doomed)

        outcome = meanwhile(a_job(tmp_path), it, act)
        assert all_accepted(outcome)
        assert max(unit.attempt for unit in outcome.view.units) == 2


def test_a_worker_that_comes_back_goes_on_and_is_paid(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        doomed, payout = it.worker("doomed", 30)

        def act() -> None:
            said(doomed, "verdict")
            kill(doomed)
            it.worker("doomed", 30)

        outcome = meanwhile(a_job(tmp_path), it, act)
        assert {unit.worker for unit in outcome.view.units} == {payout}
        assert all(payment.tx is not None for payment in outcome.payments)


def test_a_coordinator_killed_in_mid_job_goes_on_where_it_was(tmp_path: Path) -> None:
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        it.worker("ann", 40)
        it.worker("bob", 50)
        accepted_before: list[str] = []

        def act() -> None:
            accepted_before.append(_lease(said(coordinator, "verdict")))
            kill(coordinator)
            it.coordinator()

        outcome = meanwhile(a_job(tmp_path), it, act)
        assert all_accepted(outcome)
        judged = [verdict.lease for unit in outcome.view.units for verdict in unit.verdicts]
        assert len(judged) == len(set(judged)) == len(outcome.view.units)  # nothing was rendered again
        assert outcome.view.units[int(accepted_before[0].split("/")[1])].attempt == 1


def test_a_coordinator_killed_again_and_again(tmp_path: Path) -> None:
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        it.worker("ann", 40)
        it.worker("bob", 50)

        def act() -> None:
            dying = coordinator
            for moment in ("job opened", "lease", "result"):
                said(dying, moment)
                kill(dying)
                dying = it.coordinator()

        outcome = meanwhile(a_job(tmp_path), it, act)
        assert len(verdicts(outcome)) == len(outcome.view.units)


def test_a_verifier_killed_in_mid_probe_blames_nobody(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        verifier = it.verifier()
        it.worker("ann", 40)

        def act() -> None:
            said(verifier, "probe")
            kill(verifier)
            it.verifier()

        outcome = meanwhile(a_job(tmp_path), it, act)
        assert all(decision is not Decision.REJECTED for _, decision in verdicts(outcome))


def _lease(line: str) -> str:
    found = next(word for word in line.split() if word.startswith("lease="))
    return found.removeprefix("lease=")
