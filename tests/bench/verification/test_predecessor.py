import numpy as np

from verification import predecessor
from verification.picture import Picture

NAMES = ("L.Combined.A", "L.Combined.B", "L.Combined.G", "L.Combined.R", "L.Depth.Z")


def smooth() -> Picture:
    """A soft picture, with the range and structure that similarity needs."""
    y, x = np.mgrid[0:64, 0:64] / 64
    planes = [np.ones_like(x), x, y, 0.5 + 0.4 * np.sin(9 * x + 5 * y), x]
    return Picture(NAMES, np.stack(planes).astype(np.float32))


def accepted(got: Picture, want: Picture) -> float:
    return float(np.mean([predecessor.accepts(got, want, np.random.default_rng(s)) for s in range(30)]))


def test_it_accepts_the_same_picture_and_not_noise() -> None:
    picture = smooth()
    noise = np.random.default_rng(1).uniform(0, 1, picture.values.shape).astype(np.float32)
    assert accepted(picture, picture) == 1
    assert accepted(picture.changed(noise), picture) == 0


def test_it_does_not_see_alpha_other_passes_or_values_above_one() -> None:
    picture = smooth()
    spoilt = picture.values.copy()
    spoilt[0], spoilt[4] = 0, 7
    assert accepted(picture.changed(spoilt), picture) == 1
    bright = picture.changed(picture.values + 1)
    assert accepted(bright, picture.changed(bright.values * 3)) == 1


def test_it_misses_a_patch_outside_its_crops() -> None:
    picture = smooth()
    patched = picture.values.copy()
    patched[:, 20:34, 20:34] = 0
    assert 0.2 < accepted(picture.changed(patched), picture) < 0.95
