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


def test_it_finds_what_was_drawn_on_the_safe_side() -> None:
    found = fit.noise(sample(0.004, 0.01))
    assert found.mean[0] == 1
    assert 0.004 <= found.mean[1] < 0.006
    assert 0.008 <= found.spread[1] < 0.025


def test_a_tail_that_the_likelihood_overlooks_is_covered() -> None:
    drawn = sample(0.004, 0.01, outliers=6)
    found = fit.noise(drawn)
    both = (1 - found.spread[1]) / found.spread[1]
    shape = found.mean[1] * both, (1 - found.mean[1]) * both
    tails = stats.betabinom.sf(drawn.off[drawn.whole, 1] - 1, 4096, *shape)
    assert np.mean(tails < 10**-2 / 4) <= 10**-2 / 4
    assert found.spread[1] > fit.noise(sample(0.004, 0.01)).spread[1]


def test_numbers_are_rounded_away_from_zero() -> None:
    assert fit._rounded(0.00411) == pytest.approx(0.0042)
    assert fit._rounded(1e-6) == pytest.approx(1e-6)
