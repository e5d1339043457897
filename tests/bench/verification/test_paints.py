import numpy as np
import pytest

from tegula_market.model import Rect
from verification import paints
from verification.cheats import CHEATS, PAINTED, RENDERED, Cheat
from verification.picture import Picture, differs

NAMES = ("L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R", "L.Depth.Z")
RECT = Rect(64, 0, 128, 64)


@pytest.fixture
def frame() -> Picture:
    random = np.random.default_rng(3)
    return Picture(NAMES, random.uniform(0, 1.5, (5, 90, 160)).astype(np.float32))


@pytest.mark.parametrize("cheat", PAINTED, ids=lambda cheat: cheat.name)
def test_a_painted_cheat_changes_its_tile_and_nothing_else(cheat: Cheat, frame: Picture) -> None:
    before = frame.values.copy()
    assert cheat.paint is not None
    painted = cheat.paint(frame, RECT, np.random.default_rng(1))
    assert painted.values.shape == (5, 64, 64)
    assert painted.values.dtype == np.float32
    assert differs(painted, frame.cut(RECT)).any()
    assert (frame.values == before).all()


@pytest.mark.parametrize(("share", "edge"), [(0.01, 7), (0.1, 21), (0.25, 32)])
def test_a_patch_is_a_square_of_its_share(share: float, edge: int, frame: Picture) -> None:
    painted = paints.patch(share, paints.flat)(frame, RECT, np.random.default_rng(5))
    rows, columns = np.nonzero(differs(painted, frame.cut(RECT)))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (edge, edge)


def test_patches_lie_anywhere_in_the_tile(frame: Picture) -> None:
    met = np.zeros((64, 64), bool)
    for seed in range(200):
        painted = paints.patch(0.1, paints.copied)(frame, RECT, np.random.default_rng(seed))
        met |= differs(painted, frame.cut(RECT))
    assert met.mean() > 0.95


def test_another_workers_tile_is_the_one_beside_it(frame: Picture) -> None:
    painted = paints.other_tile(frame, RECT, np.random.default_rng(1))
    assert (painted.values == frame.cut(Rect(0, 0, 64, 64)).values).all()


def test_a_pass_that_is_faked_leaves_the_picture(frame: Picture) -> None:
    painted = paints.pass_faked(frame, RECT, np.random.default_rng(1))
    tile = frame.cut(RECT)
    assert (painted.values[:4] == tile.values[:4]).all()
    assert len(np.unique(painted.values[4])) == 1


def test_eight_bits_are_kept_by_eight_bits(frame: Picture) -> None:
    once = paints.quantised(frame, RECT, np.random.default_rng(1))
    whole = Rect(0, 0, 64, 64)
    twice = paints.quantised(once, whole, np.random.default_rng(1))
    np.testing.assert_allclose(once.values, twice.values, atol=1e-6)
    assert len(np.unique(np.round(paints.srgb(once.values[1:4]) * 255, 3))) <= 256


def test_noise_has_its_amplitude_and_leaves_alpha(frame: Picture) -> None:
    off = paints.noisy(1e-2)(frame, RECT, np.random.default_rng(1)).values - frame.cut(RECT).values
    assert 0.009 < np.abs(off[1:4]).max() <= 0.01 + 1e-6
    assert not off[0].any()


def test_the_catalogue_names_each_cheat_once() -> None:
    assert len({cheat.name for cheat in CHEATS}) == len(CHEATS)
    assert all(cheat.paint is None for cheat in RENDERED)
