"""A claim waits for a low fee, and never too long."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders import an_order
from tegula_market.model import Wei
from tegula_worker import claiming

TERMS = replace(an_order().terms, deadline=1_000_000, grace=100_000)
ETHER = 10**18


@pytest.mark.parametrize(
    ("earned", "claimed", "ended", "now", "ripe"),
    [
        (5, 0, True, 0, True),
        (5, 5, True, 0, False),
        (0, 0, True, 0, False),
        (5, 0, False, 0, False),
        (5, 4, False, TERMS.deadline, True),
    ],
)
def test_it_claims_when_nothing_more_comes(
    earned: int, claimed: int, ended: bool, now: int, ripe: bool
) -> None:
    assert claiming.ripe(TERMS, earned=Wei(earned), claimed=Wei(claimed), ended=ended, now=now) is ripe


@pytest.mark.parametrize(
    ("fee", "amount", "worth", "share", "last", "claims"),
    [
        (50, 1000, ETHER, 5, False, True),
        (51, 1000, ETHER, 5, False, False),
        (51, 1000, ETHER, 6, False, True),
        (51, 1000, ETHER, 0, False, True),  # any fee
        (999, 1000, ETHER, 5, True, True),
        (1000, 1000, ETHER, 5, True, False),  # not for nothing
        (10**15, 60_000_000, 3_000_000_000, 5, False, True),  # 3 of 60 dollars
        (10**15, 59_999_999, 3_000_000_000, 5, False, False),
        (10**30, 1, None, 5, False, True),  # nobody has said what an ether is worth
    ],
)
def test_the_fee_is_a_share_of_the_amount(
    fee: int, amount: int, worth: int | None, share: int, last: bool, claims: bool
) -> None:
    reason = claiming.dear(Wei(fee), amount, worth=worth, share=share, last=last)
    assert (reason == "") is claims


@given(st.integers(0, 2**32 - 1))
def test_the_last_call_comes_before_the_grace_ends(grace: int) -> None:
    end = TERMS.deadline + grace
    assert claiming.is_last_call(end, grace, end - min(grace // 2, claiming.LAST_CALL_SECONDS))
    assert not claiming.is_last_call(end, grace, TERMS.deadline - 1)
    assert claiming.lapsed(end, end)
    assert not claiming.lapsed(end, end - 1)
