import numpy as np
import pytest
from scipy import stats

from verification import fit


def sample(mean: float, spread: float, outliers: int = 0) -> fit.Sample:
    """20 scenes of 45 tiles; the first rung is off almost everywhere, the others as told."""
    random, count = np.random.default_rng(2), 900
    both = (1 - spread) / spread
    share = random.beta(mean * both, (1 - mean) * both, count)
    share[:outliers] = 0.5
    pixels = np.tile([4096, 256], count)
    off = random.binomial(pixels, np.repeat(share, 2))
    rungs = np.stack([random.binomial(pixels, 0.97), off, off, off, off], axis=1)
    scene = np.repeat([f"s{i}" for i in range(20)], 90)
    return fit.Sample(scene, np.tile([True, False], count), pixels, rungs)


def screened(drawn: fit.Sample, mean: float, spread: float) -> float:
    """Share of the probed sets that a screen would suspect at one of four rungs."""
    both = (1 - spread) / spread
    tails = stats.betabinom.sf(drawn.off[~drawn.whole, 1] - 1, 256, mean * both, (1 - mean) * both)
    return float(np.mean(tails < 10**-2 / 4))


def test_a_rung_that_all_pixels_are_beyond_tells_nothing() -> None:
    found = fit.noise(sample(0.004, 0.01))
    assert (found.mean[0], found.spread[0]) == (1, 0)
    assert 0.004 <= found.mean[1] < 0.012


@pytest.mark.parametrize("outliers", [0, 6])
def test_no_more_are_suspected_than_allowed_and_no_tile_is_rejected(outliers: int) -> None:
    drawn = sample(0.004, 0.01, outliers)
    found = fit.noise(drawn)
    assert screened(drawn, found.mean[1], found.spread[1]) <= 10**-2 / 4
    shape = (1 - found.spread[1]) / found.spread[1]
    worst = drawn.off[drawn.whole, 1].max()
    tail = stats.betabinom.sf(worst - 1, 4096, found.mean[1] * shape, (1 - found.mean[1]) * shape)
    assert tail >= 10**-5 / 4


def test_it_is_no_blunter_than_it_has_to_be() -> None:
    few, many = fit.noise(sample(0.004, 0.01)), fit.noise(sample(0.004, 0.01, outliers=6))
    assert fit._suspects(few.mean[1], few.spread[1], 0.0025) < 40
    assert fit._suspects(few.mean[1], few.spread[1], 0.0025) < fit._suspects(
        many.mean[1], many.spread[1], 0.0025
    )


def test_numbers_are_rounded_away_from_zero() -> None:
    assert fit._rounded(0.00411) == pytest.approx(0.0042)
    assert fit._rounded(1e-6) == pytest.approx(1e-6)
