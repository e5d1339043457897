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
    assert _answer() == AskFor(JOB, Wei(5), 3, TERMS.deadline, False, 256)
    assert _answer(warm=True) == AskFor(JOB, Wei(5), 3, TERMS.deadline, True, 256)


def test_it_asks_its_price_even_above_the_ceiling_and_leaves_the_no_to_the_auction() -> None:
    high = Wei(ORDER.ceiling + 1)
    assert _answer(price=high) == AskFor(JOB, high, 3, TERMS.deadline, False, 256)


def _terms(**change: Any) -> Order:
    return replace(ORDER, terms=replace(TERMS, **change))


STRANGER, ARBITER = Address(b"\x09" * 20), Address(b"\x0a" * 20)


def _judged(**change: Any) -> Order:
    """Terms with an arbiter, and whatever else is said."""
    made = {"arbiter": ARBITER, "window": 3600, **change}
    return _terms(grace=4 * made["window"], **made)


def _blocking(arbiter: Address) -> Config:
    return replace(CONFIG, block=Parties(arbiters=(arbiter,)))


def _allowing(arbiter: Address) -> Config:
    return replace(CONFIG, allow=Parties(arbiters=(arbiter,)))


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"blender": "4.2.23"}, Code.OTHER_BLENDER, "runs Blender 4.2.23, not 4.5.15"),
        ({"order": _terms(token=STRANGER)}, Code.OTHER_CURRENCY, "another token"),
        ({"order": _terms(deadline=NOW + 59)}, Code.DEADLINE_NEAR, "59 seconds away"),
        ({"order": _terms(deadline=NOW + 367 * 86_400)}, Code.DEADLINE_FAR, "367 days away"),
        ({"order": _terms(grace=599)}, Code.SHORT_GRACE, "599 seconds to claim"),
        ({"order": _judged(), "config": replace(CONFIG, grace_seconds=10_801)}, Code.SHORT_GRACE, "10800 to"),
        ({"config": replace(CONFIG, want_arbiter=True)}, Code.NO_ARBITER, "nobody pays"),
        ({"order": _judged(arbiter=TERMS.requester)}, Code.BAD_ARBITER, "whom it would judge"),
        ({"order": _judged(arbiter=TERMS.signer)}, Code.BAD_ARBITER, "whom it would judge"),
        ({"order": _judged(arbiter=COORDINATOR)}, Code.BAD_ARBITER, "whom it would judge"),
        ({"order": _judged(window=3599)}, Code.SHORT_WINDOW, "3599 seconds to dispute"),
        (
            {"order": _judged(window=10_000), "config": replace(CONFIG, most_window_seconds=9_999)},
            Code.LONG_WINDOW,
            "for 10000 seconds; waits 9999",
        ),
        ({"order": _terms(author=STRANGER, author_bps=250)}, Code.AUTHOR_SHARE, "2.5 % of each payment"),
        ({"order": _judged(), "config": _blocking(ARBITER)}, Code.BLOCKED, "arbiter is on"),
        ({"order": _judged(), "config": _allowing(STRANGER)}, Code.BLOCKED, "arbiter is not on"),
        ({"deposit": replace(DEPOSIT, rooted=True)}, Code.ROOTED, "done after it is not paid"),
        ({"deposit": replace(DEPOSIT, job=JobId(bytes(32)))}, Code.WRONG_JOB, "not the hash of its terms"),
        ({"coordinator": Address(b"\x04" * 20)}, Code.OTHER_COORDINATOR, "another coordinator"),
        ({"order": _terms(signer=Address(bytes(20)))}, Code.NO_SIGNER, "can sign no voucher"),
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


def test_an_arbiter_is_as_good_as_none_and_an_author_s_part_can_be_taken() -> None:
    wanting = replace(CONFIG, want_arbiter=True, allow=Parties(arbiters=(ARBITER,)))
    assert isinstance(_answer(_judged(), config=wanting), AskFor)
    assert isinstance(_answer(config=_allowing(ARBITER)), AskFor), "the list is of those that there are"
    shared = _terms(author=STRANGER, author_bps=250)
    assert isinstance(_answer(shared, config=replace(CONFIG, author_percent=3)), AskFor)


def test_nothing_is_held_back_where_the_provider_believes_the_arbiter() -> None:
    """Whom the requester alone believes can be a friend, and void what the workers are owed."""
    some, believed = replace(CONFIG, holdback_tiles=7), replace(_allowing(ARBITER), holdback_tiles=7)
    asks = [_answer(_judged(), config=some), _answer(_judged(), config=believed), _answer(config=believed)]
    assert [ask.holdback for ask in asks if isinstance(ask, AskFor)] == [7, 0, 7]


@pytest.mark.parametrize(("unsigned", "tiles", "fine"), [(640, 64, True), (641, 64, False), (10**9, 0, True)])
def test_so_much_may_be_accepted_and_not_signed_for(unsigned: int, tiles: int, fine: bool) -> None:
    lease = Lease(lease_id(JOB, 0, 1), JOB, 0, WorkerId(bytes(32)), Wei(10), 1, NOW)
    no = policy.held_back(lease, unsigned, tiles)
    assert no is None if fine else no is not None and no.code is Code.HOLDBACK
