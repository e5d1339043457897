"""For whom a worker works, and when it collects."""

from dataclasses import replace
from typing import Any

import pytest

from orders import an_order
from tegula_market import auction, tiling
from tegula_market.messages import AskFor, Call, Decline
from tegula_market.model import ETHER, Address, JobId, Order, Terms, Wei
from tegula_worker import policy
from tegula_worker.config import Config
from tegula_worker.policy import Deposit

JOB, NOW = JobId(b"\x07" * 32), 1_000_000
COORDINATOR = Address(b"\x03" * 20)
TERMS = Terms(Address(b"\x01" * 20), Address(b"\x02" * 20), COORDINATOR, ETHER, NOW + 3600, 3600, bytes(32))
ORDER = an_order(terms=TERMS, ceiling=Wei(100_000_000), overscan=4)
BUDGET = auction.most([tiling.size(tile, ORDER.scene) for tile in tiling.split(ORDER)], ORDER.ceiling)
CONFIG = Config("http://c", "http://rpc", Wei(5), slots=3)
DEPOSIT = Deposit(JOB, True, BUDGET)


def _answer(
    order: Order = ORDER, deposit: Deposit = DEPOSIT, config: Config = CONFIG, **change: Any
) -> AskFor | Decline:
    known = {"coordinator": COORDINATOR, "blender": "4.5.15", "warm": False, "now": NOW} | change
    return policy.answer(Call(JOB, order), deposit, config=config, **known)


def test_it_asks_for_what_is_good() -> None:
    assert _answer() == AskFor(JOB, Wei(5), 3, TERMS.deadline, False)
    assert _answer(warm=True) == AskFor(JOB, Wei(5), 3, TERMS.deadline, True)


def test_it_asks_its_price_even_above_the_ceiling_and_leaves_the_no_to_the_auction() -> None:
    high = Wei(ORDER.ceiling + 1)
    assert _answer(config=replace(CONFIG, price=high)) == AskFor(JOB, high, 3, TERMS.deadline, False)


def _terms(**change: Any) -> Order:
    return replace(ORDER, terms=replace(TERMS, **change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"blender": "4.2.23"}, "runs Blender 4.2.23, not 4.5.15"),
        ({"order": _terms(token=Address(b"\x09" * 20))}, "another token"),
        ({"order": _terms(deadline=NOW + 59)}, "59 seconds away"),
        ({"order": _terms(grace=599)}, "599 seconds to claim"),
        ({"deposit": replace(DEPOSIT, job=JobId(bytes(32)))}, "not the hash of its terms"),
        ({"coordinator": Address(b"\x04" * 20)}, "another coordinator"),
        ({"order": _terms(signer=COORDINATOR)}, "one address"),
        ({"deposit": replace(DEPOSIT, open=False)}, "no open job"),
        ({"deposit": replace(DEPOSIT, funded=Wei(BUDGET - 1))}, "can cost"),
        ({"order": replace(ORDER, tile=0)}, "cannot be split"),
        ({"order": replace(ORDER, frames=())}, "cannot be split"),
    ],
)
def test_it_declines_with_a_reason(change: dict[str, Any], reason: str) -> None:
    declined = _answer(**change)
    assert isinstance(declined, Decline)
    assert reason in declined.reason


@pytest.mark.parametrize(
    ("earned", "claimed", "ended", "now", "due"),
    [
        (5, 0, True, NOW, True),
        (5, 5, True, NOW, False),
        (0, 0, True, NOW, False),
        (5, 0, False, NOW, False),
        (5, 4, False, TERMS.deadline, True),
    ],
)
def test_it_claims_once_when_nothing_more_comes(
    earned: int, claimed: int, ended: bool, now: int, due: bool
) -> None:
    assert policy.time_to_claim(TERMS, earned=Wei(earned), claimed=Wei(claimed), ended=ended, now=now) is due
