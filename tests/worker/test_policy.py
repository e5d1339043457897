"""For whom a worker works."""

from dataclasses import replace
from typing import Any

import pytest

from orders import an_order
from tegula_market import auction, tiling
from tegula_market.messages import AskFor, Call
from tegula_market.model import ETHER, Address, JobId, Lease, Order, Terms, Wei, WorkerId, lease_id
from tegula_worker import policy
from tegula_worker.config import Config, Parties
from tegula_worker.objections import Code, Objection
from tegula_worker.policy import Deposit

JOB, NOW = JobId(b"\x07" * 32), 1_000_000
COORDINATOR = Address(b"\x03" * 20)
TERMS = Terms(Address(b"\x01" * 20), Address(b"\x02" * 20), COORDINATOR, ETHER, NOW + 3600, 3600, bytes(32))
ORDER = an_order(terms=TERMS, ceiling=Wei(100_000_000), overscan=4)
BUDGET = auction.most([tiling.size(tile, ORDER.scene) for tile in tiling.split(ORDER)], ORDER.ceiling)
CONFIG = Config("http://c", "http://rpc", Wei(5), slots=3)
DEPOSIT = Deposit(JOB, True, BUDGET, Wei(0))


def _answer(
    order: Order = ORDER, deposit: Deposit = DEPOSIT, config: Config = CONFIG, **change: Any
) -> AskFor | Objection:
    known = {
        "price": Wei(5),
        "coordinator": COORDINATOR,
        "blender": "4.5.15",
        "warm": False,
        "now": NOW,
    } | change
    return policy.answer(Call(JOB, order), deposit, config=config, **known)


def test_it_asks_for_what_is_good() -> None:
    assert _answer() == AskFor(JOB, Wei(5), 3, TERMS.deadline, False)
    assert _answer(warm=True) == AskFor(JOB, Wei(5), 3, TERMS.deadline, True)


def test_it_asks_its_price_even_above_the_ceiling_and_leaves_the_no_to_the_auction() -> None:
    high = Wei(ORDER.ceiling + 1)
    assert _answer(price=high) == AskFor(JOB, high, 3, TERMS.deadline, False)


def _terms(**change: Any) -> Order:
    return replace(ORDER, terms=replace(TERMS, **change))


STRANGER = Address(b"\x09" * 20)


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"blender": "4.2.23"}, Code.OTHER_BLENDER, "runs Blender 4.2.23, not 4.5.15"),
        ({"order": _terms(token=STRANGER)}, Code.OTHER_CURRENCY, "another token"),
        ({"order": _terms(deadline=NOW + 59)}, Code.DEADLINE_NEAR, "59 seconds away"),
        ({"order": _terms(deadline=NOW + 367 * 86_400)}, Code.DEADLINE_FAR, "367 days away"),
        ({"order": _terms(grace=599)}, Code.SHORT_GRACE, "599 seconds to claim"),
        ({"deposit": replace(DEPOSIT, job=JobId(bytes(32)))}, Code.WRONG_JOB, "not the hash of its terms"),
        ({"coordinator": Address(b"\x04" * 20)}, Code.OTHER_COORDINATOR, "another coordinator"),
        ({"order": _terms(signer=COORDINATOR)}, Code.ONE_SIGNER, "one address"),
        ({"deposit": replace(DEPOSIT, open=False)}, Code.NO_DEPOSIT, "no open job"),
        ({"deposit": replace(DEPOSIT, funded=Wei(BUDGET - 1))}, Code.SMALL_DEPOSIT, "can cost"),
        ({"order": replace(ORDER, tile=0)}, Code.BAD_ORDER, "cannot be split"),
        ({"order": replace(ORDER, frames=())}, Code.BAD_ORDER, "cannot be split"),
        ({"config": replace(CONFIG, block=Parties((COORDINATOR,)))}, Code.BLOCKED, "coordinator is on"),
        ({"config": replace(CONFIG, block=Parties((), (TERMS.requester,)))}, Code.BLOCKED, "requester is on"),
        ({"config": replace(CONFIG, block=Parties((), (), (ETHER,)))}, Code.BLOCKED, "token is on"),
        (
            {"config": replace(CONFIG, allow=Parties((STRANGER,)))},
            Code.BLOCKED,
            "not on this worker's allow list",
        ),
        ({"config": replace(CONFIG, allow=Parties((), (STRANGER,)))}, Code.BLOCKED, "requester is not on"),
    ],
)
def test_it_declines_with_a_reason(change: dict[str, Any], code: Code, sentence: str) -> None:
    declined = _answer(**change)
    assert isinstance(declined, Objection)
    assert declined.code is code
    assert sentence in declined.sentence


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, allow=Parties((COORDINATOR, STRANGER), (TERMS.requester,))),
        replace(CONFIG, token=STRANGER, allow=Parties(tokens=(ETHER,))),
        replace(CONFIG, block=Parties((STRANGER,), (STRANGER,), (STRANGER,))),
    ],
)
def test_it_works_for_whom_it_may(config: Config) -> None:
    assert isinstance(_answer(config=config), AskFor)


WORKER = WorkerId(b"\x0a" * 32)
SIZE = tiling.size(tiling.split(ORDER)[1], ORDER.scene)
PRICE = auction.price_of(SIZE, Wei(5000))
LEASE = Lease(lease_id(JOB, 1, 2), JOB, 1, WORKER, PRICE, 2, NOW + 60)


@pytest.mark.parametrize(
    ("lease", "now", "code"),
    [
        (LEASE, NOW, None),
        (replace(LEASE, worker=WorkerId(bytes(32))), NOW, Code.WRONG_LEASE),
        (replace(LEASE, attempt=1), NOW, Code.WRONG_LEASE),
        (replace(LEASE, id=lease_id(JOB, 99, 2), unit=99), NOW, Code.WRONG_LEASE),
        (replace(LEASE, price=Wei(PRICE - 1)), NOW, Code.LOW_PRICE),
        (LEASE, TERMS.deadline, Code.DEADLINE_NEAR),
    ],
)
def test_a_lease_is_what_was_asked_for(lease: Lease, now: int, code: Code | None) -> None:
    no = policy.unfit(lease, ORDER, asked=Wei(5000), worker=WORKER, now=now)
    assert (no and no.code) == code


def test_what_is_left_of_the_deposit_covers_what_is_owed_and_the_lease() -> None:
    """A requester and a coordinator that are one person can have it paid out to a third."""
    drained = replace(DEPOSIT, paid=Wei(DEPOSIT.funded - 100 - PRICE))
    assert policy.uncovered(LEASE, drained, owed=100) is None
    no = policy.uncovered(LEASE, drained, owed=101)
    assert no is not None
    assert (no.code, f"{100 + PRICE} left" in no.sentence) == (Code.SMALL_DEPOSIT, True)
