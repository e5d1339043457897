import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.audit import LARGEST, NEWCOMER, Record, batch_size, chosen, gain, lot
from tegula_market.digests import digest
from tegula_market.model import Digest, LeaseId, Wei

SALT, IMAGE = bytes(range(32)), digest(b"image")


def test_every_tile_of_a_newcomer_is_audited() -> None:
    assert {batch_size(Record(passed)) for passed in range(NEWCOMER)} == {1}


def test_batches_grow_with_what_was_passed_and_no_further_than_the_largest() -> None:
    sizes = [batch_size(Record(passed)) for passed in range(NEWCOMER * 20)]
    assert sizes == sorted(sizes)
    assert max(sizes) == LARGEST
    assert Counter(sizes)[2] == NEWCOMER


@pytest.mark.parametrize("passed", [0, 5, 1000])
def test_a_rejection_starts_trust_again(passed: int) -> None:
    after = Record(passed, 2).after_rejection()
    assert (after, batch_size(after)) == (Record(0, 3), 1)
    assert after.after_pass() == Record(1, 3)


@given(st.integers(0, 2000), st.integers(0, 5))
def test_a_batch_grows_by_one_at_most_and_only_with_what_was_passed(passed: int, rejected: int) -> None:
    size = batch_size(Record(passed, rejected))
    assert 1 <= size <= LARGEST
    assert 0 <= batch_size(Record(passed, rejected).after_pass()) - size <= 1
    assert size == batch_size(Record(passed)), "what is forgiven is forgiven"


def test_a_lot_follows_from_salt_and_image() -> None:
    expected = hashlib.blake2b(SALT + IMAGE, digest_size=32, person=b"tegula lot").digest()
    assert lot(SALT, IMAGE) == expected
    assert len({lot(SALT, IMAGE), lot(bytes(32), IMAGE), lot(SALT, digest(b"other"))}) == 3


@pytest.mark.parametrize("prices", [(80,) * 8, (10, 10, 10, 10, 10, 10, 10, 70), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_each_tile_of_a_batch_is_drawn_as_often_as_it_is_dear(prices: tuple[int, ...]) -> None:
    """Chi-square with 7 degrees of freedom, at five standard deviations; the salts are fixed."""
    leases = [LeaseId(f"j/{i}/1") for i in range(8)]
    at = {lease: Wei(price) for lease, price in zip(leases, prices, strict=True)}
    drawn: Counter[str] = Counter()
    for n in range(8000):
        lots = {lease: lot(n.to_bytes(32, "big"), digest(lease.encode())) for lease in leases}
        drawn[chosen(lots, at)] += 1
    expected = {lease: 8000 * price / sum(prices) for lease, price in at.items()}
    chi = sum((drawn[lease] - times) ** 2 / times for lease, times in expected.items())
    assert abs(chi - 7) < 5 * (2 * 7) ** 0.5


def test_at_one_price_the_lowest_lot_is_chosen() -> None:
    one, two = LeaseId("j/1/1"), LeaseId("j/2/1")
    prices = {one: Wei(80), two: Wei(80)}
    lots = {one: digest(b"a"), two: digest(b"b")}
    assert lots[chosen(lots, prices)] == min(lots.values())
    assert chosen({two: digest(b"a"), one: digest(b"a")}, prices) == one
    for extreme in (Digest(bytes(32)), Digest(b"\xff" * 32)):
        assert chosen({one: extreme}, prices) == one


@pytest.mark.parametrize("faked", [(), (0,), (3,), (0, 3), (1, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("detection", [0.0, 0.5, 0.99])
def test_the_gain_is_what_counting_all_draws_gives(faked: tuple[int, ...], detection: float) -> None:
    prices, costs = (10.0, 20.0, 30.0, 70.0), (4.0, 15.0, 29.0, 50.0)
    expected = 0.0
    for drawn, price in enumerate(prices):
        found = detection if drawn in faked else 0.0
        paid = sum(prices) * (1 - found)
        spent = sum(cost for i, cost in enumerate(costs) if i not in faked)
        expected += price / sum(prices) * (paid - spent)
    honest = sum(prices) - sum(costs)
    assert sum(gain(prices[i], costs[i], detection) for i in faked) == pytest.approx(expected - honest)


@given(
    st.dictionaries(
        st.integers(0, 99), st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 10**30))
    )
)
def test_the_choice_does_not_depend_on_the_order_of_delivery(batch: dict[int, tuple[bytes, int]]) -> None:
    if not batch:
        return
    lots = {LeaseId(f"j/{unit}/1"): Digest(drawn) for unit, (drawn, _) in batch.items()}
    prices = {LeaseId(f"j/{unit}/1"): Wei(price) for unit, (_, price) in batch.items()}
    found = chosen(lots, prices)
    assert found in lots
    assert chosen(dict(reversed(lots.items())), prices) == found
