"""A worker is killed: another renders its tile, and it is owed what was accepted."""

from pathlib import Path

import pytest

from end_to_end.kills import JOB_SECONDS, a_job, meanwhile
from end_to_end.processes import still_running
from end_to_end.stage import kill, said, stage, word
from tegula_market.model import LeaseId, lease_parts

pytestmark = pytest.mark.slow


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


def _lease(line: str) -> LeaseId:
    return LeaseId(word(line, "lease"))
