from pathlib import Path

import pytest

from tegula_market import codec, evidence, probes, tiling
from tegula_market.evidence import Evidence
from trials import ORDER, SALT, UNIT, Court


@pytest.fixture
def court(tmp_path: Path) -> Court:
    return Court(tmp_path)


def test_a_screen_looks_where_salt_and_image_say(court: Court) -> None:
    trial = court.trial()
    rect = tiling.tile(ORDER, UNIT).rect
    plan = probes.plan(rect, probes.MAX_OVERSCAN, ORDER.scene.spp)
    placed = probes.place(SALT, trial.result.image, rect, plan)
    assert evidence.where(trial) == (placed, probes.MAX_OVERSCAN)


def test_a_second_look_is_at_all_of_the_tile(court: Court) -> None:
    assert evidence.where(court.trial(whole=True)) == ((tiling.tile(ORDER, UNIT).rect,), ORDER.overscan)


@pytest.mark.parametrize("whole", [False, True])
def test_evidence_is_json_and_back(court: Court, whole: bool) -> None:
    stated = court.evidence(court.trial(whole=whole))
    assert codec.loads(Evidence, codec.dumps(stated)) == stated
