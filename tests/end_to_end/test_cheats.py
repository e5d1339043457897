"""Who does not render what was ordered is rejected and not paid; the frame does not notice."""

from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, assert_identical, assert_settled, received, run, verdicts
from end_to_end.stage import stage
from tegula_market.model import Outcome as Decision

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", ["fewer", "seed", "neighbour"])
def test_a_cheat_is_rejected_unpaid_and_replaced(tmp_path: Path, cheat: str) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        _, crook = it.worker("crook", 30, cheat)
        _, ann = it.worker("ann", 40)
        job = Job(scenes.build("spheres", tmp_path), tmp_path / "out", samples=16, scale=8, tile=44)
        outcome, scene = run(job, it.market)

        decided = verdicts(outcome)
        assert (crook, Decision.REJECTED) in decided
        assert (crook, Decision.ACCEPTED) not in decided
        assert {decision for worker, decision in decided if worker == ann} == {Decision.ACCEPTED}
        for unit in outcome.view.units:
            rejected = [verdict for verdict in unit.verdicts if verdict.outcome is Decision.REJECTED]
            assert all(verdict.statistic > verdict.threshold for verdict in rejected)
            assert unit.worker == ann
            assert unit.attempt > len(rejected)
        assert crook not in received(outcome, it.market)
        assert_settled(outcome, it.market)
        assert_identical(job, outcome, scene)
