"""From real renders of a tiny scene to the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from scenes import SMALL, build
from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import REJECT
from verification import plot, rates, roc, table
from verification.cheats import CHEATS, Goal
from verification.picture import differs
from verification.renders import Renders, renders
from verification.subjects import Subject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spheres(tmp_path_factory: pytest.TempPathFactory) -> Renders:
    folder = tmp_path_factory.mktemp("verification")
    scene = replace(SMALL, resolution_x=160, resolution_y=90)
    subject = Subject("spheres", build("spheres", folder), scene, 2)
    return renders(subject, folder / "frames")


@pytest.fixture(scope="module")
def audits(spheres: Renders) -> list[roc.Audit]:
    return list(roc.audits(spheres, salts=2))


def test_tiles_are_the_frame_and_other_kernels_are_not(spheres: Renders) -> None:
    assert not differs(spheres.again, spheres.truth).any()
    assert differs(spheres.honest["other", 7], spheres.truth).mean() > 0


def test_what_gives_no_occasion_is_left_out(spheres: Renders) -> None:
    assert "the frame beside it" in spheres.cheats
    assert "a missing texture" not in spheres.cheats


def test_whole_tile_cheats_are_found_and_honest_tiles_believed(audits: list[roc.Audit]) -> None:
    whole = {cheat.name for cheat in CHEATS if cheat.goal is Goal.WHOLE}
    found = [each for each in rates.found(audits) if each.cheat.name in whole and each.pair is Pair.SAME]
    assert all(each.audited.of for each in found)
    assert {each.cheat.name for each in found if not each.reached} == set()
    assert [each.rejected.hits for each in rates.honest(audits, REJECT)] == [0, 0]


def test_the_results_are_shown_and_saved(audits: list[roc.Audit], tmp_path: Path, capsys) -> None:
    found, honest = rates.found(audits), rates.honest(audits, REJECT)
    table.show(found, honest, [], [])
    table.save(tmp_path, found, honest, [], [])
    plot.roc(audits, tmp_path / "roc.png")
    plot.rates(found, honest, tmp_path / "cheats.png")
    said = capsys.readouterr().out
    assert all(cheat.name in said for cheat in CHEATS)
    assert len((tmp_path / "cheats.csv").read_text().splitlines()) == 1 + 2 * len(CHEATS)
    assert (tmp_path / "roc.png").stat().st_size > 10_000
