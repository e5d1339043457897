from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coordinator.playbook import (
    ANN,
    BOB,
    JUDGE,
    NOW,
    SIZE,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    opened,
    play,
)
from tegula_coordinator.book import history
from tegula_coordinator.book.history import CLASSES, KEPT, LONGEST_NAME, PERIOD, Candle, History
from tegula_market.model import ETHER, Outcome, Wei

CPU = history.of(ETHER, "CPU")
happenings = st.lists(
    st.tuples(st.booleans(), st.integers(1, 50).map(Wei), st.floats(0, PERIOD * 2)), max_size=60
)


def played(script: list[tuple[bool, Wei, float]]) -> tuple[History, list[tuple[bool, Wei, float]]]:
    """Folded, with times instead of what passed between."""
    kept, at, timed = History({}), 0.0, []
    for is_price, price, passed in script:
        at += passed
        timed.append((is_price, price, at))
        if is_price:
            history.cleared(kept, CPU, price, at)
        else:
            history.accepted(kept, CPU, price, 10, at)
    return kept, timed


@given(happenings)
def test_an_hour_says_what_was_paid_in_it(script: list[tuple[bool, Wei, float]]) -> None:
    kept, timed = played(script)
    first = next((i for i, (is_price, _, _) in enumerate(timed) if not is_price), len(timed))
    known = timed[first:]
    candles = kept.get(CPU, ())
    assert sum(candle.volume for candle in candles) == 10 * sum(not is_price for is_price, _, _ in known)
    assert [candle.start for candle in candles] == sorted({int(at // PERIOD) * PERIOD for _, _, at in known})
    for candle in candles:
        inside = [
            price for is_price, price, at in known if is_price and at // PERIOD == candle.start // PERIOD
        ]
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert candle.close == (inside[-1] if inside else candle.open)
        assert set(inside) <= set(range(candle.low, candle.high + 1))


@given(happenings)
def test_an_hour_opens_at_its_first_price_or_at_the_close_before(
    script: list[tuple[bool, Wei, float]],
) -> None:
    kept, timed = played(script)
    for before, after in pairwise(kept.get(CPU, ())):
        is_price, price, _ = next(each for each in timed if each[2] >= after.start)
        assert after.open == (price if is_price else before.close)


def test_memory_is_bounded() -> None:
    kept = History({})
    for hour in range(KEPT + 20):
        history.accepted(kept, CPU, Wei(5), 1, float(hour * PERIOD))
    assert len(kept[CPU]) == KEPT
    assert kept[CPU][-1].start == (KEPT + 19) * PERIOD
    for number in range(CLASSES):
        history.accepted(kept, history.of(ETHER, f"card {number}"), Wei(5), 1, 1e9)
    assert len(kept) == CLASSES
    assert CPU not in kept, "it was busy least recently"
    assert len(history.of(ETHER, "x" * 10_000).device) == LONGEST_NAME


def test_a_clock_that_was_set_back_rewrites_nothing() -> None:
    kept = History({})
    history.accepted(kept, CPU, Wei(5), 1, 10.0 * PERIOD)
    history.cleared(kept, CPU, Wei(7), 1.0 * PERIOD)
    assert kept[CPU] == (Candle(10 * PERIOD, Wei(5), Wei(7), Wei(5), Wei(7), 1),)


def test_what_devices_only_claim_makes_no_price() -> None:
    kept = History({})
    history.cleared(kept, history.of(ETHER, "a card that nobody has"), Wei(1), 0.0)
    assert kept == {}


def test_the_book_keeps_it() -> None:
    book = a_book(2)
    play(book, joined(JUDGE), joined(ANN), opened(), asked(ANN, 40), called())
    assert book.history == {}
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    of = history.of(book.jobs[next(iter(book.jobs))].order.terms.token, "CPU")
    assert book.history == {of: (Candle(0, Wei(40), Wei(40), Wei(40), Wei(40), SIZE),)}
    play(book, joined(BOB), asked(BOB, 50), replace(called(), at=NOW + 7))  # type: ignore[arg-type]
    assert book.history[of][-1].close == 40, "Bob is not needed"
    play(book, delivered(ANN, 1), judged(1, Outcome.REJECTED), replace(called(), at=NOW + 9))  # type: ignore[arg-type]
    assert book.history[of] == (Candle(0, Wei(40), Wei(50), Wei(40), Wei(50), SIZE),)
