from hypothesis import given
from hypothesis import strategies as st

from tegula_market.model import Wei
from tegula_market.ranking import Prospect, cost, prospect
from tegula_market.reputation import PARTS, Reputation

prices = st.integers(1, 10**24).map(Wei)
seconds = st.floats(0, 1e6)


def test_the_formula_is_the_documented_one() -> None:
    """A newcomer that takes 20 s, or an hour in one of five, with 10,000 s left."""
    expected = prospect(Reputation(), 0.0, 20.0, 10_000.0, 3600.0, warm=False)
    assert expected == Prospect(failure=360_000, delay=74_000)
    assert cost(Wei(40), Wei(100), expected) == (40 + 100 * 0.434) * PARTS


def test_whoever_comes_at_the_deadline_or_after_it_is_too_late_by_all_of_the_time() -> None:
    for left in (20.0, 0.0, -5.0):
        assert prospect(Reputation(), 0.0, 20.0, left, 10.0, warm=True).delay == PARTS


@given(prices, prices, seconds, seconds, seconds)
def test_a_cost_lies_between_the_price_and_two_ceilings_more(
    price: Wei, ceiling: Wei, took: float, left: float, lease: float
) -> None:
    expected = prospect(Reputation(), 0.0, took, left, lease, warm=False)
    assert price * PARTS <= cost(price, ceiling, expected) <= (price + 2 * ceiling) * PARTS


@given(seconds, seconds, st.floats(1, 1e6))
def test_slower_is_never_better(one: float, two: float, left: float) -> None:
    fast, slow = (prospect(Reputation(), 0.0, s, left, 60.0, warm=False) for s in sorted((one, two)))
    assert fast.delay <= slow.delay
