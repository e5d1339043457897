"""Fits a beta-binomial to what was counted, on the safe side.

By rung: the mean is the one-sided 95 % bound of a bootstrap over scenes (Davison and Hinkley 1997, section
3.8: tiles of a scene are not independent, scenes are taken to be). The spread is that of the largest
likelihood (Skellam 1948) for this mean, then raised until as few of the observed samples lie beyond the
screen's threshold as should: a model of two parameters need not fit the tail by itself.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tegula_market.adapters.statistic import RUNGS, Noise
from tegula_market.adapters.verify import SUSPECT

SPREADS = np.logspace(-5, -0.2, 97)
USELESS = 0.5
"""A rung that so many honest pixels are beyond tells nothing: its mean is written as 1."""
RESAMPLES = 2_000
LEAST_MEAN = 1e-6


@dataclass(frozen=True, slots=True)
class Sample:
    scene: NDArray[np.str_]
    whole: NDArray[np.bool_]
    """Whole tiles, of which the mean and the likelihood are; their probes count for the tail only."""
    pixels: NDArray[np.int64]
    off: NDArray[np.int64]
    """[sample, rung]"""


def noise(sample: Sample) -> Noise:
    means = [_mean(sample, rung) for rung in range(len(RUNGS))]
    allowed = 10**-SUSPECT / sum(mean < USELESS for mean in means)  # each rung that tells has its share
    fitted = [
        (mean, _spread(sample, rung, mean, allowed)) if mean < USELESS else (1.0, 0.0)
        for rung, mean in enumerate(means)
    ]
    return Noise(tuple(mean for mean, _ in fitted), tuple(spread for _, spread in fitted))


def _mean(sample: Sample, rung: int) -> float:
    scenes = np.unique(sample.scene)
    shares = np.array([_share(sample, sample.whole & (sample.scene == scene), rung) for scene in scenes])
    drawn = np.random.default_rng(1).integers(len(scenes), size=(RESAMPLES, len(scenes)))
    return _rounded(max(LEAST_MEAN, float(np.quantile(shares[drawn].mean(axis=1), 0.95))))


def _share(sample: Sample, chosen: NDArray[np.bool_], rung: int) -> float:
    return float(sample.off[chosen, rung].sum() / sample.pixels[chosen].sum())


def _spread(sample: Sample, rung: int, mean: float, allowed: float) -> float:
    off, pixels = sample.off[sample.whole, rung], sample.pixels[sample.whole]
    likelihoods = [float(_of(pixels, mean, spread).logpmf(off).sum()) for spread in SPREADS]
    candidates = SPREADS[int(np.argmax(likelihoods)) :]
    return _rounded(
        float(next((s for s in candidates if _covers(sample, rung, mean, s, allowed)), SPREADS[-1]))
    )


def _covers(sample: Sample, rung: int, mean: float, spread: float, allowed: float) -> bool:
    """Whether no larger a share of samples is less likely than that, of tiles and of probes."""
    off, rare = sample.off[:, rung], np.empty(len(sample.pixels), bool)
    for pixels in np.unique(sample.pixels):
        mine = sample.pixels == pixels
        likelihoods = _of(pixels, mean, spread).pmf(np.arange(pixels + 1))
        tails = likelihoods[::-1].cumsum()[::-1]  # P(K >= k); scipy's own sums anew for each k
        rare[mine] = tails[off[mine]] < allowed
    return bool(max(rare[sample.whole].mean(), rare[~sample.whole].mean()) <= allowed)


def _of(pixels: NDArray[np.int64] | np.int64, mean: float, spread: float) -> Any:
    """scipy's distribution with these parameters."""
    both = (1 - spread) / spread
    return stats.betabinom(pixels, mean * both, (1 - mean) * both)


def _rounded(value: float) -> float:
    """To two digits, away from zero."""
    digits = 1 - int(np.floor(np.log10(value)))
    return float(np.ceil(value * 10**digits) / 10**digits)
