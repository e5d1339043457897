from tegula_market.adapters.statistic import Noise, Pair
from verification import model


def test_it_rejects_who_strays_far_beyond_the_twin_only(monkeypatch) -> None:
    noise = Noise((1.0, 0.01, 0.008, 0.006, 0.004), (0.0, 0.01, 0.01, 0.01, 0.01))
    monkeypatch.setattr(model, "noise", lambda _: noise)
    monkeypatch.setattr(model, "TILES", 300)
    assert model.false_rejects(Pair.CPU).hits == 0
    assert model.false_rejects(Pair.CPU, 30.0).hits > 250
