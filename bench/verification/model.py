"""False rejections that the fitted noise predicts, where real renders are too few to show any."""

import numpy as np
from scipy import stats

from tegula_market.adapters.statistic import STRAY_FACTOR, Pair, noise
from tegula_market.adapters.verify import REJECT
from verification.rates import Rate

TILES = 1_000_000
PIXELS = 64 * 64


def false_rejects(pair: Pair, further: float = 1.0, seed: int = 1) -> Rate:
    """Simulated honest tiles that a second look would reject, had they all been suspected.

    Each tile has a share of pixels that stray, drawn from the fitted beta distribution; the worker's and the
    twin's are binomial with it. That is `statistic.excess` for many tiles at once (a test holds both
    against each other).

    Args:
        further: so many times as far as the twin strays the worker's hardware.
    """
    random, fitted = np.random.default_rng(seed), noise(pair)
    quantile = random.uniform(size=TILES)  # a tile that strays much does so on all rungs
    factor = STRAY_FACTOR[pair] / (1 + STRAY_FACTOR[pair])
    least = np.ones(TILES)
    for mean, spread in list(zip(fitted.mean, fitted.spread, strict=True))[1:]:
        share = _shares(mean, spread, quantile)
        mine = random.binomial(PIXELS, np.minimum(1, further * share))
        twin = random.binomial(PIXELS, share)
        least = np.minimum(least, stats.binom.sf(mine - 1, mine + twin + 1, factor))
    surprise = -np.log10(np.maximum(least * (len(fitted.mean) - 1), 1e-300))
    return Rate(int((surprise >= REJECT).sum()), TILES)


def _shares(mean: float, spread: float, quantile: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    if not 0 < mean < 1 or spread == 0:
        return np.full_like(quantile, mean)
    both = (1 - spread) / spread
    return np.asarray(stats.beta.ppf(quantile, mean * both, (1 - mean) * both))
