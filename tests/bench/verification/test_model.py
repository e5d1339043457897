import numpy as np

from tegula_market.adapters import statistic
from tegula_market.adapters.statistic import Noise, Pair
from tegula_market.adapters.verify import REJECT
from verification import model


def test_it_is_excess_for_many_tiles(monkeypatch) -> None:
    """With one share for all tiles, the binomials are drawn in the same order one by one."""
    noise = Noise((1.0, 0.004, 0.003, 0.002, 0.001), (0.0,) * 5)
    monkeypatch.setattr(model, "noise", lambda _: noise)
    monkeypatch.setattr(model, "TILES", 500)
    random = np.random.default_rng(1)
    random.uniform(size=500)
    drawn = [(random.binomial(4096, 4 * m, 500), random.binomial(4096, m, 500)) for m in noise.mean[1:]]
    mine, twin = (np.stack([pair[i] for pair in drawn], axis=1) for i in (0, 1))
    both = zip(mine.tolist(), twin.tolist(), strict=True)
    surprises = [statistic.excess((0, *worker), (0, *other), Pair.CPU) for worker, other in both]
    expected = sum(s >= REJECT for s in surprises)
    assert 0 < expected < 500
    assert model.false_rejects(Pair.CPU, 4.0).hits == expected
