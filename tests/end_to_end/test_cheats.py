"""Who does not render what was ordered is rejected and not paid; the frame does not notice."""

from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, assert_identical, assert_settled, received, run, sampled
from end_to_end.stage import said, stage
from tegula_market.model import Outcome as Decision

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", ["fewer", "seed", "neighbour"])
def test_a_cheat_is_rejected_unpaid_and_replaced(tmp_path: Path, cheat: str) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        _, crook = it.worker("crook", 30, cheat)
        _, ann = it.worker("ann", 40)
        # Every sample of every pixel counts: an adaptive frame may not need the one that is left out.
        blend = sampled(scenes.build("spheres", tmp_path), tmp_path / "fixed", "fixed")
        job = Job(blend, tmp_path / "out", samples=16, tile=44, scale=8)
        played = run(job, it.market)

        decided = {(verdict.worker, verdict.outcome) for verdict in played.verdicts}
        assert decided == {(crook, Decision.REJECTED), (ann, Decision.ACCEPTED)}
        for unit in played.outcome.view.units:
            assert unit.worker == ann
            for verdict in unit.verdicts[:-1]:
                assert (verdict.worker, verdict.outcome) == (crook, Decision.REJECTED)
                assert verdict.statistic > verdict.threshold > 0
                assert unit.attempt >= 2
        assert set(received(played.outcome, it.market)) == set(played.earned) == {ann}
        assert_settled(played, it.market)
        assert_identical(job, played)


def test_a_verifier_that_is_wrong_costs_an_honest_worker_nothing(tmp_path: Path) -> None:
    """It suspects every tile that it looks at; another one looks again, and finds nothing."""
    with stage() as it:
        coordinator = it.coordinator()
        it.verifier("seed")
        it.second_verifier()
        _, ann = it.worker("ann", 40)
        blend = sampled(scenes.build("spheres", tmp_path), tmp_path / "fixed", "fixed")
        job = Job(blend, tmp_path / "out", samples=8, tile=40, scale=8)
        played = run(job, it.market)
        assert said(coordinator, "suspected")
        assert {(v.worker, v.outcome) for v in played.verdicts} == {(ann, Decision.ACCEPTED)}
        assert_settled(played, it.market)
        assert_identical(job, played)
