import pytest

from tegula_market.adapters.statistic import Pair
from verification import rates
from verification.cheats import Goal
from verification.rates import Rate
from verification.roc import HONEST_OTHER, Audit


def audit(
    case: str, tile: int, *, rejected: bool, changed: float = 1.0, salt: int = 0, run: int = 0
) -> Audit:
    return Audit("scene", tile, run, salt, case, Pair.CPU, changed, 3.0, 6.0, True, rejected, None)


def of(case: str, audits: list[Audit]) -> rates.Found:
    return next(f for f in rates.found(audits) if f.cheat.name == case and f.pair is Pair.CPU)


def test_intervals_are_the_textbooks() -> None:
    assert Rate(8, 10).interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Rate(0, 10_000).at_most == pytest.approx(3e-4, rel=0.01)
    assert Rate(3, 3).at_most == 1


def test_patches_count_within_four_tiles() -> None:
    name = "patch of 10%, flat"
    found = of(name, [audit(name, tile, rejected=tile % 4 == 3) for tile in range(10)])
    assert (found.audited.hits, found.audited.of) == (2, 10)
    assert (found.within.hits, found.within.of) == (2, 2)
    assert found.reached


def test_a_tile_counts_where_the_cheat_shows() -> None:
    for name, goal, counted in (("one sample less", Goal.WHOLE, 1), ("a missing object", Goal.PART, 0)):
        found = of(name, [audit(name, 0, rejected=False, changed=0.005)])
        assert found.cheat.goal is goal
        assert found.tiles == counted


def test_honest_renders_of_one_tile_are_told_apart_from_audits() -> None:
    audits = [
        audit(HONEST_OTHER, 0, rejected=salt == 0, salt=salt, run=run) for run in (0, 1) for salt in range(3)
    ]
    (honest,) = rates.honest(audits, threshold=5.0)
    assert (honest.tiles, honest.rejected.of, honest.rejected.hits) == (2, 6, 2)
    assert (honest.confirmable.of, honest.confirmable.hits) == (2, 2)
