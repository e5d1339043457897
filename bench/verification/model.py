"""False rejections that the fitted noise predicts, where real renders are too few to show any."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tegula_market.adapters.statistic import LEAST_CLUMP, Pair, Stray, excess, noise
from tegula_market.adapters.verify import REJECT
from verification.rates import Rate

TILES = 20_000
PIXELS = 64 * 64


def false_rejects(pair: Pair, further: float = 1.0, seed: int = 1) -> Rate:
    """Simulated honest tiles that a second look would reject, had they all been suspected.

    Each tile has a share of pixels that stray, drawn from the fitted beta distribution; the worker's and the
    twin's are binomial with it.

    Args:
        further: so many times as far as the twin strays the worker's hardware.
    """
    random, fitted = np.random.default_rng(seed), noise(pair)
    quantile = random.uniform(size=TILES)  # a tile that strays much does so on all rungs
    pairs = zip(fitted.mean, fitted.spread, strict=True)
    shares = np.stack([_shares(mean, spread, quantile) for mean, spread in pairs], axis=1)
    mine = random.binomial(PIXELS, np.minimum(1, further * shares)).tolist()
    twin = random.binomial(PIXELS, shares).tolist()
    clumps = (LEAST_CLUMP,) * len(fitted.mean)
    surprises = [excess(m, Stray(tuple(t), clumps), pair) for m, t in zip(mine, twin, strict=True)]
    return Rate(sum(surprise >= REJECT for surprise in surprises), TILES)


def _shares(mean: float, spread: float, quantile: NDArray[np.float64]) -> NDArray[np.float64]:
    if not 0 < mean < 1 or spread == 0:
        return np.full_like(quantile, mean)
    both = (1 - spread) / spread
    return np.asarray(stats.beta.ppf(quantile, mean * both, (1 - mean) * both))
