"""Amounts are the highest ever said; nothing grows without bound."""

from hypothesis import given
from hypothesis import strategies as st

from tegula_market.model import Address, JobId, Wei
from tegula_worker.tallies import KEPT_REFUSALS, KEPT_SIGHTINGS, OTHER, Sums, Tally

JOB, TOKEN = JobId(b"\x07" * 32), Address(b"\x04" * 20)
TALLY = Tally(JOB, TOKEN, 1000, Wei(0))


@given(st.lists(st.integers(1, 10**24).map(Wei), min_size=1))
def test_the_lowest_ask_is_kept(prices: list[Wei]) -> None:
    tally = TALLY
    for price in prices:
        tally = tally.ask(price)
    assert tally.asked == min(prices)


@given(st.lists(st.integers(0, 10**24).map(Wei)))
def test_what_was_promised_never_falls(amounts: list[Wei]) -> None:
    tally = TALLY
    for amount in amounts:
        tally = tally.accept(amount)
    assert (tally.promised, tally.accepted) == (max(amounts, default=0), len(amounts))


def test_what_was_refused_is_counted_with_its_last_reason() -> None:
    tally = TALLY.reject("one").reject("two").refuse_voucher("three")
    assert (tally.rejected, tally.rejection) == (2, "two")
    assert (tally.refused_vouchers, tally.refusal) == (1, "three")
    sums = Sums().refuse("call", "CLOSED", "at night", 5).refuse("call", "CLOSED", "on Sunday", 9)
    (refusal,) = sums.refusals
    assert (refusal.count, refusal.sentence, refusal.at) == (2, "on Sunday", 9)


def test_a_coordinator_that_invents_reasons_fills_nothing() -> None:
    sums = Sums()
    for number in range(2 * KEPT_REFUSALS):
        sums = sums.refuse("ask", f"CODE_{number}", "", 0).see(number).measure(number, 1)
    assert len(sums.refusals) == KEPT_REFUSALS + 1
    assert sums.refusals[-1].code == OTHER
    assert sums.refusals[-1].count == KEPT_REFUSALS
    assert sums.prices == tuple(range(2 * KEPT_REFUSALS))[-KEPT_SIGHTINGS:]
    assert len(sums.speeds) == KEPT_SIGHTINGS


def test_the_speed_is_that_of_all_tiles_together() -> None:
    assert Sums().speed == 0
    assert Sums().measure(1_000_000, 1000).measure(3_000_000, 1000).speed == 2_000_000


def test_jobs_are_summed_up_by_token() -> None:
    other = Tally(JobId(bytes(32)), Address(bytes(20)), 0, Wei(0), vouchered=Wei(3))
    done = TALLY.accept(Wei(9)).reject("")
    sums = Sums().fold(done).fold(other).fold(done)
    first, second = sums.totals
    assert (first.token, first.jobs, first.earned, first.accepted, first.rejected) == (TOKEN, 2, 18, 2, 2)
    assert (second.jobs, second.earned, second.vouchered) == (1, 3, 3)
    assert sums.folded == JOB
