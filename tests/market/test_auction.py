import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.auction import (
    MAX_PRICE,
    MAX_SLOTS,
    Clearing,
    Reason,
    clear,
    most,
    price_of,
)
from tegula_market.model import MEGASAMPLE, Ask, InvalidValue, JobId, Wei, WorkerId
from tegula_market.ranking import Prospect, cost
from tegula_market.reputation import PARTS

NOW = 1000
JOB = JobId(bytes(32))


def ask(worker: int, price: int, slots: int = 1, expiry: int = NOW + 60) -> Ask:
    return Ask(WorkerId(bytes([worker]) * 32), JOB, Wei(price), slots, expiry)


def reasons(clearing: Clearing) -> list[Reason]:
    return [refused.reason for refused in clearing.refused]


# Few workers and prices, so that ties, duplicates and ceilings meet.
any_ask = st.builds(
    ask, st.integers(0, 6), st.integers(-1, 12), st.integers(-1, 4), st.integers(NOW - 2, NOW + 3)
)
any_asks = st.lists(any_ask, max_size=12)
demands = st.integers(0, 15)
ceilings = st.integers(1, 12).map(Wei)
workers = st.integers(0, 6).map(lambda n: WorkerId(bytes([n]) * 32))
shares = st.integers(0, 4).map(lambda quarters: quarters * PARTS // 4)
expectations = st.dictionaries(workers, st.builds(Prospect, shares, shares, st.booleans()))
alike = st.sets(workers).map(lambda warm: {worker: Prospect(warm=True) for worker in warm})


@given(any_asks, demands, ceilings, expectations)
def test_every_ask_is_taken_or_refused_with_a_reason(asks, demand, ceiling, expected):
    cleared = clear(asks, demand, ceiling, NOW, expected)
    answered = [*cleared.taken, *(refused.ask for refused in cleared.refused)]
    assert sorted(answered, key=repr) == sorted(asks, key=repr)
    assert all(refused.sentence.endswith(".") for refused in cleared.refused)


@given(any_asks, demands, ceilings, expectations)
def test_nobody_is_taken_above_the_price_or_the_ceiling(asks, demand, ceiling, expected):
    cleared = clear(asks, demand, ceiling, NOW, expected)
    if cleared.price is None:
        assert cleared.taken == ()
        return
    assert cleared.price == max(taken.price for taken in cleared.taken) <= ceiling
    assert all(taken.price > 0 and taken.slots > 0 and taken.expiry > NOW for taken in cleared.taken)
    assert len({taken.worker for taken in cleared.taken}) == len(cleared.taken)


@given(any_asks, demands, ceilings, alike)
def test_nobody_who_lost_on_price_asked_less_than_a_winner(asks, demand, ceiling, expected):
    cleared = clear(asks, demand, ceiling, NOW, expected)
    for refused in cleared.refused:
        if refused.reason is Reason.OUTBID:
            assert all(refused.ask.price >= taken.price for taken in cleared.taken)
        assert refused.reason is not Reason.OUTRANKED
        if refused.reason is Reason.ABOVE_CEILING:
            assert refused.ask.price > ceiling


@given(any_asks, demands, ceilings, expectations)
def test_no_more_is_taken_than_the_demand_wants_and_no_less_if_there_is_more(asks, demand, ceiling, expected):
    cleared = clear(asks, demand, ceiling, NOW, expected)
    slots = [taken.slots for taken in cleared.taken]
    assert sum(slots[:-1]) < demand or not slots
    if {Reason.OUTBID, Reason.OUTRANKED} & set(reasons(cleared)):
        assert sum(slots) >= demand > 0


@given(any_asks, demands, ceilings, expectations)
def test_no_unit_starves_whatever_is_expected_of_who_asks(asks, demand, ceiling, expected):
    """All that is open has somebody who was taken for it, or everybody who asked a fair price is taken."""
    cleared = clear(asks, demand, ceiling, NOW, expected)
    able = {one.worker for one in asks if 0 < one.price <= ceiling and one.slots > 0 and one.expiry > NOW}
    assert sum(taken.slots for taken in cleared.taken) >= demand or {t.worker for t in cleared.taken} == able


@given(any_asks, demands, ceilings, expectations)
def test_whoever_is_left_out_costs_no_less_than_whoever_is_taken(asks, demand, ceiling, expected):
    cleared = clear(asks, demand, ceiling, NOW, expected)

    def costs(one):
        return cost(one.price, ceiling, expected.get(one.worker, Prospect()))

    for refused in cleared.refused:
        if refused.reason in {Reason.OUTBID, Reason.OUTRANKED}:
            assert all(costs(refused.ask) >= costs(taken) for taken in cleared.taken)
        if refused.reason is Reason.OUTRANKED:
            assert refused.ask.price <= cleared.price


@given(any_asks, demands, ceilings, expectations, st.data())
def test_a_better_name_never_loses_what_a_worse_one_has(asks, demand, ceiling, expected, data):
    before = clear(asks, demand, ceiling, NOW, expected)
    if not before.taken:
        return
    winner = data.draw(st.sampled_from(before.taken)).worker
    worse = expected.get(winner, Prospect())
    better = Prospect(data.draw(st.integers(0, worse.failure)), data.draw(st.integers(0, worse.delay)), True)
    after = clear(asks, demand, ceiling, NOW, {**expected, winner: better})
    assert winner in {taken.worker for taken in after.taken}


@given(
    any_asks.flatmap(lambda asks: st.tuples(st.just(asks), st.permutations(asks))),
    demands,
    ceilings,
    expectations,
)
def test_the_order_of_the_asks_decides_nothing(pair, demand, ceiling, expected):
    first, second = (clear(asks, demand, ceiling, NOW, expected) for asks in pair)
    assert (first.price, first.taken) == (second.price, second.taken)
    assert sorted(map(repr, first.refused)) == sorted(map(repr, second.refused))


@given(any_asks, demands, ceilings, st.integers(0, 5), alike)
def test_a_higher_ceiling_loses_no_winner(asks, demand, ceiling, more, expected):
    low = clear(asks, demand, ceiling, NOW, expected)
    high = clear(asks, demand, Wei(ceiling + more), NOW, expected)
    assert set(low.taken) <= set(high.taken)


@given(any_asks, demands, ceilings, expectations)
def test_more_demand_loses_no_winner_and_never_lowers_the_price(asks, demand, ceiling, expected):
    less, more = (clear(asks, wanted, ceiling, NOW, expected) for wanted in (demand, demand + 1))
    assert set(less.taken) <= set(more.taken)
    assert (less.price or 0) <= (more.price or 0)


@given(any_asks, demands, ceilings, expectations)
def test_a_winner_who_asks_less_still_wins_and_raises_no_price(asks, demand, ceiling, expected):
    before = clear(asks, demand, ceiling, NOW, expected)
    for winner in before.taken:
        if winner.price == 1 or sum(other.worker == winner.worker for other in asks) > 1:
            continue
        cheaper = replace(winner, price=Wei(winner.price - 1))
        after = clear(
            [cheaper if other == winner else other for other in asks], demand, ceiling, NOW, expected
        )
        assert cheaper in after.taken
        assert after.price is not None
        assert before.price is not None
        assert after.price <= before.price


def test_everyone_is_paid_what_the_dearest_winner_asks():
    cleared = clear([ask(1, 5, slots=2), ask(2, 3), ask(3, 9)], demand=3, ceiling=Wei(10), now=NOW)
    assert cleared.price == 5
    assert [taken.price for taken in cleared.taken] == [3, 5]
    assert reasons(cleared) == [Reason.OUTBID]
    assert "up to 5" in cleared.refused[0].sentence


def test_at_equal_price_the_warm_worker_goes_first_then_the_lower_id():
    asks = [ask(1, 5), ask(2, 5), ask(3, 5)]
    warm = {asks[2].worker: Prospect(warm=True)}
    cleared = clear(asks, demand=2, ceiling=Wei(5), now=NOW, prospects=warm)
    assert cleared.taken == (asks[2], asks[0])
    assert cleared.refused[0].ask == asks[1]
    assert "go first" in cleared.refused[0].sentence
    warm = {ask(2, 5).worker: Prospect(warm=True)}
    assert clear([ask(1, 4), ask(2, 5)], 1, Wei(5), NOW, warm).taken == (ask(1, 4),)


def test_a_price_of_next_to_nothing_buys_nothing_for_who_is_expected_to_fail():
    cheat, honest = ask(1, 1, slots=100), ask(2, 40)
    expected = {cheat.worker: Prospect(failure=PARTS // 2), honest.worker: Prospect(failure=PARTS // 50)}
    cleared = clear([cheat, honest], 1, Wei(100), NOW, expected)
    assert (cleared.price, cleared.taken) == (40, (honest,))
    assert reasons(cleared) == [Reason.OUTRANKED]
    assert "counts as 51" in cleared.refused[0].sentence
    assert "50.0% of its worker's tiles" in cleared.refused[0].sentence


def test_the_faster_one_goes_first_if_time_is_short():
    slow, fast = ask(1, 40), ask(2, 45)
    late = {slow.worker: Prospect(delay=PARTS // 5), fast.worker: Prospect(delay=PARTS // 50)}
    assert clear([slow, fast], 1, Wei(60), NOW, late).taken == (fast,)
    assert clear([slow, fast], 1, Wei(60), NOW).taken == (slow,)


def test_the_price_is_the_dearest_taken_even_if_another_was_taken_last():
    sure, unsure = ask(1, 50), ask(2, 40)
    expected = {unsure.worker: Prospect(failure=PARTS // 4)}
    cleared = clear([sure, unsure], 2, Wei(100), NOW, expected)
    assert (cleared.price, cleared.taken) == (50, (sure, unsure))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ask(1, 0), Reason.NOT_POSITIVE),
        (ask(1, -1), Reason.NOT_POSITIVE),
        (ask(1, 1, slots=0), Reason.NOT_POSITIVE),
        (ask(1, 1, expiry=-5), Reason.NOT_POSITIVE),
        (replace(ask(1, 1), price=math.nan), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), price=math.inf), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), price=1.0), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), price=True), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), price="1"), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), price=None), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), slots=0.5), Reason.NOT_A_NUMBER),
        (replace(ask(1, 1), expiry=math.nan), Reason.NOT_A_NUMBER),
        (ask(1, MAX_PRICE + 1), Reason.ABSURD),
        (ask(1, 10**4000), Reason.ABSURD),
        (ask(1, 1, slots=MAX_SLOTS + 1), Reason.ABSURD),
        (ask(1, 1, expiry=NOW), Reason.EXPIRED),
        (ask(1, 8), Reason.ABOVE_CEILING),
    ],
)
def test_an_ask_that_is_no_ask_is_refused_and_disturbs_nobody(bad, reason):
    good = ask(2, 7)
    cleared = clear([bad, good], demand=5, ceiling=Wei(7), now=NOW)
    assert (cleared.price, cleared.taken) == (7, (good,))
    assert reasons(cleared) == [reason]


def test_of_two_asks_of_a_worker_the_cheaper_counts():
    cleared = clear([ask(1, 5, slots=3), ask(1, 4)], demand=2, ceiling=Wei(9), now=NOW)
    assert (cleared.price, cleared.taken) == (4, (ask(1, 4),))
    assert reasons(cleared) == [Reason.DUPLICATE]


def test_without_open_work_everyone_is_told_so():
    cleared = clear([ask(1, 1)], demand=0, ceiling=Wei(1), now=NOW)
    assert cleared.price is None
    assert reasons(cleared) == [Reason.NO_DEMAND]


@pytest.mark.parametrize(("demand", "ceiling"), [(-1, 5), (1, 0), (1, -5), (1, MAX_PRICE + 1)])
def test_an_auction_that_no_order_can_ask_for_is_refused(demand, ceiling):
    with pytest.raises(InvalidValue):
        clear([], demand, Wei(ceiling), NOW)


@given(st.integers(1, 10**20), st.integers(1, MAX_PRICE))
def test_a_price_is_rounded_up_by_less_than_one_unit(size, rate):
    price = price_of(size, Wei(rate))
    assert type(price) is int
    assert (price - 1) * MEGASAMPLE < size * rate <= price * MEGASAMPLE


@pytest.mark.parametrize(("size", "rate"), [(0, 1), (-1, 1), (1, 0), (1, -1), (1, MAX_PRICE + 1)])
def test_what_has_no_size_or_rate_has_no_price(size, rate):
    with pytest.raises(InvalidValue):
        price_of(size, Wei(rate))


@given(st.lists(st.integers(1, 10**9)), any_asks, demands, ceilings)
def test_the_most_covers_every_unit_at_whatever_the_auction_clears(sizes, asks, demand, ceiling):
    cleared = clear(asks, demand, ceiling, NOW)
    if cleared.price is not None:
        assert sum(price_of(size, cleared.price) for size in sizes) <= most(sizes, ceiling)
    assert most(sizes, ceiling) * MEGASAMPLE >= sum(sizes) * ceiling
