"""Fits a beta-binomial (Skellam 1948) to what was counted: the sharpest that is on the safe side.

By rung, of all pairs of mean and spread that cover what was seen, the one with which a screen suspects at the
fewest pixels off. To cover means three things:

- the mean is no less than the one-sided 95 % bound of a bootstrap over scenes (Davison and Hinkley 1997,
  section 3.8: tiles of a scene are not independent, scenes are taken to be);
- of all probed sets of pixels, no larger a share is suspected than the screen's threshold says;
- no whole tile is so unlikely that it would be rejected.

Two parameters cannot follow scenes that stray by nothing and scenes that stray by a third of their pixels;
the largest likelihood lets the former decide, and its tail is wrong by orders of magnitude.
"""

from dataclasses import dataclass
from itertools import count, takewhile

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tegula_market import probes
from tegula_market.adapters.statistic import RUNGS, Noise
from tegula_market.adapters.verify import REJECT, SUSPECT

SPREADS = tuple(round(float(spread), 5) for spread in np.logspace(-4, -0.2, 39))
USELESS = 0.5
"""A rung that so many honest pixels are beyond tells nothing: its mean is written as 1."""
RESAMPLES = 2_000
LEAST_MEAN = 1e-6
STEP = 1.25
"""Between two means that are tried."""


@dataclass(frozen=True, slots=True)
class Sample:
    scene: NDArray[np.str_]
    whole: NDArray[np.bool_]
    """Whole tiles; the others are their probes."""
    pixels: NDArray[np.int64]
    off: NDArray[np.int64]
    """[sample, rung]"""


def noise(sample: Sample) -> Noise:
    means = [_mean(sample, rung) for rung in range(len(RUNGS))]
    telling = sum(mean < USELESS for mean in means)
    fitted = [_fitted(sample, rung, mean, telling) for rung, mean in enumerate(means)]
    return Noise(tuple(mean for mean, _ in fitted), tuple(spread for _, spread in fitted))


def _mean(sample: Sample, rung: int) -> float:
    scenes = np.unique(sample.scene)
    shares = np.array([_share(sample, sample.whole & (sample.scene == scene), rung) for scene in scenes])
    drawn = np.random.default_rng(1).integers(len(scenes), size=(RESAMPLES, len(scenes)))
    return _rounded(max(LEAST_MEAN, float(np.quantile(shares[drawn].mean(axis=1), 0.95))))


def _share(sample: Sample, chosen: NDArray[np.bool_], rung: int) -> float:
    return float(sample.off[chosen, rung].sum() / sample.pixels[chosen].sum())


def _fitted(sample: Sample, rung: int, least: float, telling: int) -> tuple[float, float]:
    """Args:
    telling: rungs that share the threshold (Bonferroni).
    """
    means = takewhile(lambda mean: mean < USELESS, (least * STEP**n for n in count()))
    pairs = [(_rounded(mean), spread) for mean in means for spread in SPREADS]
    pairs.sort(key=lambda pair: (_suspects(*pair, 10**-SUSPECT / telling), pair))
    return next((pair for pair in pairs if _covers(sample, rung, *pair, telling)), (1.0, 0.0))


def _suspects(mean: float, spread: float, allowed: float) -> int:
    """Pixels off, of those that a screen probes at least, at which it suspects."""
    return int(np.argmax(_tails(probes.PIXELS, mean, spread) < allowed))


def _covers(sample: Sample, rung: int, mean: float, spread: float, telling: int) -> bool:
    likelihoods = np.empty(len(sample.pixels))
    for pixels in np.unique(sample.pixels):
        mine = sample.pixels == pixels
        likelihoods[mine] = _tails(int(pixels), mean, spread)[sample.off[mine, rung]]
    suspected = likelihoods[~sample.whole] < 10**-SUSPECT / telling
    rejected = likelihoods[sample.whole] < 10**-REJECT / telling
    return bool(suspected.mean() <= 10**-SUSPECT / telling and not rejected.any())


def _tails(pixels: int, mean: float, spread: float) -> NDArray[np.float64]:
    """P(K >= k) for k from 0 to `pixels`, and 0 behind."""
    both = (1 - spread) / spread
    likelihoods = stats.betabinom.pmf(np.arange(pixels + 1), pixels, mean * both, (1 - mean) * both)
    return np.append(likelihoods[::-1].cumsum()[::-1], 0.0)


def _rounded(value: float) -> float:
    """To two digits, away from zero."""
    digits = 1 - int(np.floor(np.log10(value)))
    return float(np.ceil(value * 10**digits) / 10**digits)
