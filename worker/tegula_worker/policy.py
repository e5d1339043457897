"""Whether to work for somebody. Pure: what the chain says comes as an argument.

A worker renders first and is paid later, so it looks at the deposit before it renders: that the escrow job
is the one these terms hash to, that it is open and covers the whole order at its ceiling, and that there is
time to deliver and to claim. The keys that pay must be two people's: terms that name one address as session
key and as coordinator would let it pay the deposit out to itself. Two keys can still be one person's, who has
the deposit paid out to a third; so what is left of it is looked at again before every lease.
"""

from dataclasses import dataclass
from functools import lru_cache

from tegula_market import auction, tiling
from tegula_market.messages import AskFor, Call
from tegula_market.model import (
    NOBODY,
    Address,
    InvalidValue,
    JobId,
    Lease,
    Order,
    Terms,
    Tile,
    Wei,
    WorkerId,
    lease_id,
)
from tegula_worker.config import Config
from tegula_worker.objections import Code, Objection

FURTHEST_SECONDS = 366 * 86_400
"""To a deadline: until then a record is kept, and nobody tidies up a job that never ends."""
MOST_ATTEMPTS = 2**32 - 1
"""As a result's signature counts them."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What the escrow holds of a job."""

    job: JobId
    """The hash of the order's terms, computed here."""
    open: bool
    funded: Wei
    """All in all, what is paid out already included."""
    paid: Wei
    rooted: bool = False
    """There is a root, beside which no voucher is signed."""

    @property
    def left(self) -> int:
        return self.funded - self.paid


def answer(
    call: Call,
    deposit: Deposit,
    *,
    config: Config,
    price: Wei,
    coordinator: Address,
    blender: str,
    warm: bool,
    now: int,
) -> AskFor | Objection:
    """
    Args:
        price: what `pricing.ask` says for this job.
    """
    order = call.order
    no = (
        _unwanted(order.terms, config)
        or _unlike_this_worker(order, config, blender)
        or _untimely(order.terms, config, now)
        or _unjust(order.terms, config)
        or unsafe(call.job, order, deposit, coordinator)
    )
    # The ask stands as long as the job can last, and a lease is checked again when it comes.
    expiry, most = order.terms.deadline, holdback(order.terms, config)
    return no or AskFor(call.job, price, config.slots, expiry, warm, most)


def unsafe(job: JobId, order: Order, deposit: Deposit, coordinator: Address) -> Objection | None:
    """Why work on this order might not be paid. Looked at before every lease, too."""
    terms = order.terms
    if deposit.job != job:
        return Objection(Code.WRONG_JOB, "the job's id is not the hash of its terms")
    if terms.coordinator != coordinator:
        return Objection(Code.OTHER_COORDINATOR, "the terms name another coordinator than this one")
    if terms.signer == NOBODY:
        return Objection(Code.NO_SIGNER, "the session key is the zero address, which can sign no voucher")
    if terms.signer == terms.coordinator:
        return Objection(
            Code.ONE_SIGNER, "session key and coordinator are one address, which could pay itself"
        )
    try:
        budget = _budget(order)
    except InvalidValue as error:
        return Objection(Code.BAD_ORDER, f"the order cannot be split: {error}")
    if not deposit.open:
        return Objection(Code.NO_DEPOSIT, "the escrow has no open job of these terms")
    if deposit.rooted:
        return Objection(Code.ROOTED, "the job has a root, and what is done after it is not paid")
    if deposit.funded < budget:
        held = f"the escrow holds {deposit.funded}, the order can cost {budget}"
        return Objection(Code.SMALL_DEPOSIT, held)
    return None


def unfit(lease: Lease, order: Order, *, asked: Wei, worker: WorkerId, now: int) -> Objection | None:
    """What is wrong with a lease of an order that was asked for.

    Args:
        asked: the lowest price for a megasample that this worker has asked in the job; each such ask stands.
    """
    if lease.worker != worker:
        return Objection(Code.WRONG_LEASE, "the lease is another worker's")
    if lease_id(lease.job, lease.unit, lease.attempt) != lease.id:
        return Objection(Code.WRONG_LEASE, "the lease's id is not its job, unit and attempt")
    if not 1 <= lease.attempt <= MOST_ATTEMPTS:
        return Objection(Code.WRONG_LEASE, f"no result of attempt {lease.attempt} could be signed")
    tiles = tiles_of(order)
    if not 0 <= lease.unit < len(tiles):
        return Objection(Code.WRONG_LEASE, f"the order has no tile {lease.unit}")
    if order.terms.deadline <= now:
        return Objection(Code.DEADLINE_NEAR, f"the deadline was {now - order.terms.deadline} seconds ago")
    least = auction.price_of(tiling.size(tiles[lease.unit], order.scene), asked)
    if lease.price < least:
        return Objection(Code.LOW_PRICE, f"the lease pays {lease.price}, the ask was {least}")
    return None


def uncovered(lease: Lease, deposit: Deposit, owed: int) -> Objection | None:
    """
    Args:
        owed: what this worker has earned in the job, at the last word, and not claimed.
    """
    if deposit.left >= owed + lease.price:
        return None
    left = f"the escrow has {deposit.left} left, {owed} is owed here already and the lease pays {lease.price}"
    return Objection(Code.SMALL_DEPOSIT, left)


def holdback(terms: Terms, config: Config) -> int:
    """Tiles' worth that may be unsigned; 0 is any: where the provider believes the arbiter, a root pays."""
    return 0 if terms.arbiter in config.allow.arbiters else config.holdback_tiles


def held_back(lease: Lease, unsigned: int, tiles: int) -> Objection | None:
    """
    Args:
        unsigned: what was accepted in the job and is neither vouchered nor rooted.
        tiles: of the lease's price, that may be; 0 is any number.
    """
    if not tiles or unsigned <= tiles * lease.price:
        return None
    sentence = f"{unsigned} is accepted and not signed for; at most {tiles} tiles of {lease.price} may be"
    return Objection(Code.HOLDBACK, sentence)


@lru_cache(maxsize=4)
def tiles_of(order: Order) -> tuple[Tile, ...]:
    """Remembered: a job of a hundred thousand tiles is split once, not for every lease.

    Raises:
        InvalidValue: the order cannot be split.
    """
    return tiling.split(order)


@lru_cache(maxsize=4)
def size_of(order: Order) -> int:
    """Pixel-samples of the whole order.

    Raises:
        InvalidValue: the order cannot be split.
    """
    return sum(tiling.size(tile, order.scene) for tile in tiles_of(order))


@lru_cache(maxsize=4)
def _budget(order: Order) -> Wei:
    return auction.most((tiling.size(tile, order.scene) for tile in tiles_of(order)), order.ceiling)


def _unwanted(terms: Terms, config: Config) -> Objection | None:
    allow, block = config.allow, config.block
    for what, party, allowed, blocked in (
        ("coordinator", terms.coordinator, allow.coordinators, block.coordinators),
        ("requester", terms.requester, allow.requesters, block.requesters),
        ("arbiter", terms.arbiter, allow.arbiters, block.arbiters),
        ("token", terms.token, (), block.tokens),  # allowed ones are worked for besides `token`, see below
    ):
        if what == "arbiter" and party == NOBODY:
            continue
        if party in blocked:
            return Objection(Code.BLOCKED, f"the {what} is on this worker's block list")
        if allowed and party not in allowed:
            return Objection(Code.BLOCKED, f"the {what} is not on this worker's allow list")
    return None


def _unlike_this_worker(order: Order, config: Config, blender: str) -> Objection | None:
    if order.scene.blender != blender:
        return Objection(Code.OTHER_BLENDER, f"runs Blender {blender}, not {order.scene.blender}")
    if order.terms.token not in (config.token, *config.allow.tokens):
        return Objection(Code.OTHER_CURRENCY, "works for another token than the terms name")
    # A price above the ceiling is asked all the same: the auction refuses it, and the requester sees how high
    # the market is.
    return None


def _untimely(terms: Terms, config: Config, now: int) -> Objection | None:
    left = terms.deadline - now
    if left < config.notice_seconds:
        sentence = f"the deadline is {left} seconds away; wants {config.notice_seconds}"
        return Objection(Code.DEADLINE_NEAR, sentence)
    if left > FURTHEST_SECONDS:
        sentence = f"the deadline is {left // 86_400} days away; {FURTHEST_SECONDS // 86_400} will do"
        return Objection(Code.DEADLINE_FAR, sentence)
    if terms.grace < config.grace_seconds:
        sentence = f"{terms.grace} seconds to claim after the deadline; wants {config.grace_seconds}"
        return Objection(Code.SHORT_GRACE, sentence)
    if terms.arbiter != NOBODY and terms.grace < terms.window + config.grace_seconds:
        sentence = (
            f"a root of the deadline is final {terms.window} seconds later, and leaves"
            f" {terms.grace - terms.window} to claim; wants {config.grace_seconds}"
        )
        return Objection(Code.SHORT_GRACE, sentence)
    return None


def _unjust(terms: Terms, config: Config) -> Objection | None:
    """Terms by which others could take what this worker earns, or keep it for long."""
    percent = terms.author_bps / 100
    if percent > config.author_percent:
        sentence = f"{percent:g} % of each payment are an author's; takes {config.author_percent} %"
        return Objection(Code.AUTHOR_SHARE, sentence)
    if terms.arbiter == NOBODY:
        if config.want_arbiter:
            sentence = "without an arbiter nobody pays what a requester that goes away has not signed for"
            return Objection(Code.NO_ARBITER, sentence)
        return None
    if terms.arbiter in (terms.requester, terms.signer, terms.coordinator):
        return Objection(Code.BAD_ARBITER, "the arbiter is one of those whom it would judge")
    if terms.window < config.least_window_seconds:
        # Roots that nobody has time to dispute: with a sock puppet as worker a coordinator takes the deposit.
        sentence = f"{terms.window} seconds to dispute a root; wants {config.least_window_seconds}"
        return Objection(Code.SHORT_WINDOW, sentence)
    if terms.window > config.most_window_seconds:
        sentence = f"a root can be disputed for {terms.window} seconds; waits {config.most_window_seconds}"
        return Objection(Code.LONG_WINDOW, sentence)
    return None
