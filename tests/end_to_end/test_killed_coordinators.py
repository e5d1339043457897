"""A coordinator is killed, once or at each step: the next one goes on from the event log."""

from pathlib import Path

import pytest

from end_to_end.jobs import Played
from end_to_end.kills import JOB_SECONDS, a_job, meanwhile
from end_to_end.stage import Stage, job_in, kill, said, stage
from tegula_blender.client import Client
from tegula_blender.job_view import UnitPhase, UnitView
from tegula_market.model import JobId, lease_parts

pytestmark = pytest.mark.slow


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
