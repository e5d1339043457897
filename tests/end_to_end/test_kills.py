"""SIGKILL at any program, at the worst moment: nothing accepted is lost, nothing is paid twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, Played, assert_identical, assert_nobody_blamed, assert_settled, begin
from end_to_end.processes import still_running
from end_to_end.stage import Stage, job_in, kill, said, stage, word
from tegula.programs import Program
from tegula_blender.client import Client
from tegula_blender.job_view import UnitPhase, UnitView
from tegula_market.model import JobId, LeaseId, lease_parts

pytestmark = pytest.mark.slow

JOB_SECONDS = 150.0


def a_job(folder: Path) -> Job:
    return Job(scenes.build("spheres", folder), folder / "out", samples=32, tile=60, scale=12)


def meanwhile(job: Job, it: Stage, harm: Callable[[], None]) -> Played:
    """Runs the job while harm is done; whatever was done, the frame is right and so is the money."""
    running = begin(job, it.market)
    harm()
    played = running.result(JOB_SECONDS)
    assert_nobody_blamed(played)
    assert_settled(played, it.market)
    assert_identical(job, played)
    assert it.replayed()["jobs"] == {played.outcome.view.job.hex(): "CLOSED"}
    return played


def test_a_worker_killed_in_mid_tile_loses_it_to_another(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        doomed, address = it.worker("doomed", 30)
        _, ann = it.worker("ann", 40)
        lost: list[LeaseId] = []

        def harm() -> None:
            lost.append(_lease(said(doomed, "lease")))
            kill(doomed)
            assert still_running(it.scratch / "doomed") == [], "its Blender ends with it"

        played = meanwhile(a_job(tmp_path), it, harm)
        _, number, _ = lease_parts(lost[0])
        unit = played.outcome.view.units[number]
        assert (unit.attempt, unit.worker) == (2, ann)
        assert set(played.earned) == {ann}
        assert address not in {verdict.worker for verdict in played.verdicts}


def test_a_worker_killed_for_good_is_owed_what_was_accepted(tmp_path: Path) -> None:
    """It finds its voucher when it comes back after the job's end."""
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        doomed, address = it.worker("doomed", 30)
        _, ann = it.worker("ann", 40)

        def harm() -> None:
            said(doomed, "verdict")
            kill(doomed)
            said(coordinator, "job closed", JOB_SECONDS)
            it.worker("doomed", 30)

        played = meanwhile(a_job(tmp_path), it, harm)
        assert set(played.earned) == {address, ann}
        assert max(unit.attempt for unit in played.outcome.view.units) == 2


def test_a_worker_that_comes_back_goes_on_and_is_paid(tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        doomed, address = it.worker("doomed", 30)

        def harm() -> None:
            said(doomed, "verdict")
            kill(doomed)
            it.worker("doomed", 30)

        played = meanwhile(a_job(tmp_path), it, harm)
        assert set(played.earned) == {address}
        assert all(payment.tx is not None for payment in played.outcome.payments)


def test_a_coordinator_killed_in_mid_job_goes_on_where_it_was(tmp_path: Path) -> None:
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        ann, _ = it.worker("ann", 40)
        it.worker("bob", 50)
        before: list[UnitView] = []

        def harm() -> None:
            job = said(coordinator, "job opened")
            said(ann, "verdict")
            before.extend(_accepted(it, job_in(job)))
            kill(coordinator)
            it.coordinator()

        played = meanwhile(a_job(tmp_path), it, harm)
        units = played.outcome.view.units
        assert 0 < len(before) < len(units), "it was killed in the middle"
        assert [units[unit.unit] for unit in before] == before
        assert all(len(unit.verdicts) == 1 for unit in units), "nothing is judged twice"
        for unit in before:
            assert _results(it, played, unit.unit) == 1, "nothing is rendered again once it is accepted"


def test_a_coordinator_killed_again_and_again(tmp_path: Path) -> None:
    """At each step of the way, up to the close whose answer its requester never hears."""
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier()
        it.worker("ann", 40)
        it.worker("bob", 50)

        def harm() -> None:
            dying = coordinator
            for moment in ("job opened", "lease", "result", "verdict", "job closed"):
                said(dying, moment, JOB_SECONDS)
                kill(dying)
                dying = it.coordinator()

        played = meanwhile(a_job(tmp_path), it, harm)
        assert len(played.verdicts) == len(played.outcome.view.units)


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


def _accepted(it: Stage, job: JobId) -> list[UnitView]:
    client = Client(it.market.url, it.market.token)
    units = client.job(job).units
    client.disconnect()
    return [unit for unit in units if unit.phase is UnitPhase.ACCEPTED]


def _results(it: Stage, played: Played, unit: int) -> int:
    """How often the event log has it that the tile was delivered."""
    client = Client(it.market.url, it.market.token)
    events, _ = client.events(played.outcome.view.job, 0, wait=0)
    client.disconnect()
    leases = [each.body["result"]["lease"] for each in events if each.kind == "ResultArrived"]
    return sum(lease_parts(lease)[1] == unit for lease in leases)


def _lease(line: str) -> LeaseId:
    return LeaseId(word(line, "lease"))
