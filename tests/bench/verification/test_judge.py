"""The benchmark's decision against the shipped one."""

from pathlib import Path

import numpy as np
import pytest

from tegula_market.adapters import verify
from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import Rendered
from tegula_market.model import Outcome, Rect
from verification import judge
from verification.judge import Decision
from verification.picture import Picture

NAMES = ("L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R")
TILE = Rect(0, 0, 64, 64)
PROBES = tuple(Rect(x, y, x + 6, y + 6) for x in (3, 20, 40) for y in (0, 22, 58))


def strayed(truth: Picture, share: float, size: float, seed: int) -> Picture:
    """So many of the pixels are off by a share of 1 of their value."""
    random = np.random.default_rng(seed)
    off = random.uniform(size=truth.values.shape[1:]) < share
    return truth.changed(truth.values * (1 + size * off))


@pytest.fixture
def truth() -> Picture:
    return Picture(NAMES, np.random.default_rng(1).uniform(0.2, 1, (4, 64, 64)).astype(np.float32))


@pytest.mark.parametrize("share", [0.0, 0.002, 0.03, 0.9])
@pytest.mark.parametrize("pair", [Pair.SAME, Pair.CPU])
def test_it_decides_as_verify_does(share: float, pair: Pair, truth: Picture, tmp_path: Path) -> None:
    got, twin = strayed(truth, share, 0.05, 2), strayed(truth, 0.003, 0.05, 3)
    for name, picture in {"got": got, "want": truth, "twin": twin}.items():
        picture.write(tmp_path / f"{name}.exr")
    for index, probe in enumerate(PROBES):
        truth.cut(probe).write(tmp_path / f"{index}.exr")
    tile, want, other = (Rendered(tmp_path / f"{name}.exr", TILE) for name in ("got", "want", "twin"))
    probes = [Rendered(tmp_path / f"{index}.exr", probe) for index, probe in enumerate(PROBES)]
    screened = verify.screen(tile, PROBES, probes, pair)
    confirmed = verify.confirm(tile, TILE, want, other, pair)
    mine = Decision(
        judge.screen(got, truth, PROBES, pair), judge.confirm(got, truth, judge.stray(twin, truth), pair)
    )
    assert mine.screen == pytest.approx(screened.statistic)
    assert mine.confirm == pytest.approx(confirmed.statistic)
    assert mine.suspected == screened.suspected
    both = screened.suspected and confirmed.outcome is Outcome.REJECTED
    assert mine.rejected == both


def test_a_verifier_whose_kernels_disagree_rejects_nobody(truth: Picture) -> None:
    assert judge.broken(judge.stray(strayed(truth, 0.6, 0.5, 3), truth), TILE.area)
    assert not judge.broken(judge.stray(strayed(truth, 0.4, 0.5, 3), truth), TILE.area)
    assert not Decision(screen=16, confirm=16, inconclusive=True).rejected
