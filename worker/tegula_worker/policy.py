"""Whether to work for somebody, and when to collect. Pure: what the chain says comes as an argument.

A worker renders first and is paid later, so it looks at the deposit before it renders: that the escrow job
is the one these terms hash to, that it is open and covers the whole order at its ceiling, and that there is
time to deliver and to claim. The keys that pay must be two people's: terms that name one address as session
key and as coordinator would let it pay the deposit out to itself.
"""

from dataclasses import dataclass
from functools import lru_cache

from tegula_market import auction, tiling
from tegula_market.messages import AskFor, Call, Decline
from tegula_market.model import (
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


@dataclass(frozen=True, slots=True)
class Deposit:
    """What the escrow holds of a job."""

    job: JobId
    """The hash of the order's terms, computed here."""
    open: bool
    funded: Wei


def answer(
    call: Call, deposit: Deposit, *, config: Config, coordinator: Address, blender: str, warm: bool, now: int
) -> AskFor | Decline:
    order = call.order
    reason = (
        _unlike_this_worker(order, config, blender)
        or _too_late(order.terms, config, now)
        or unsafe(call.job, order, deposit, coordinator)
    )
    if reason:
        return Decline(call.job, reason)
    # The ask stands as long as the job can last, and a lease is checked again when it comes.
    return AskFor(call.job, config.price, config.slots, order.terms.deadline, warm)


def unsafe(job: JobId, order: Order, deposit: Deposit, coordinator: Address) -> str:
    """Why work on this order might not be paid; empty if it will be. Looked at before every lease, too."""
    terms = order.terms
    if deposit.job != job:
        return "the job's id is not the hash of its terms"
    if terms.coordinator != coordinator:
        return "the terms name another coordinator than this one"
    if terms.signer == terms.coordinator:
        return "session key and coordinator are one address, which could pay itself"
    try:
        budget = _budget(order)
    except InvalidValue as error:
        return f"the order cannot be split: {error}"
    if not deposit.open:
        return "the escrow has no open job of these terms"
    if deposit.funded < budget:
        return f"the escrow holds {deposit.funded}, the order can cost {budget}"
    return ""


def unfit(lease: Lease, order: Order, *, config: Config, worker: WorkerId) -> str:
    """What is wrong with a lease of an order that was asked for; empty if it can be worked on."""
    if lease.worker != worker:
        return "the lease is another worker's"
    if lease_id(lease.job, lease.unit, lease.attempt) != lease.id:
        return "the lease's id is not its job, unit and attempt"
    tiles = tiles_of(order)
    if not 0 <= lease.unit < len(tiles):
        return f"the order has no tile {lease.unit}"
    least = auction.price_of(tiling.size(tiles[lease.unit], order.scene), config.price)
    if lease.price < least:
        return f"the lease pays {lease.price}, the ask was {least}"
    return ""


def time_to_claim(terms: Terms, *, earned: Wei, claimed: Wei, ended: bool, now: int) -> bool:
    """One claim a job, when nothing more comes: each costs gas. After the deadline at the latest."""
    return earned > claimed and (ended or now >= terms.deadline)


@lru_cache(maxsize=4)
def tiles_of(order: Order) -> tuple[Tile, ...]:
    """Remembered: a job of a hundred thousand tiles is split once, not for every lease.

    Raises:
        InvalidValue: the order cannot be split.
    """
    return tiling.split(order)


@lru_cache(maxsize=4)
def _budget(order: Order) -> Wei:
    return auction.most((tiling.size(tile, order.scene) for tile in tiles_of(order)), order.ceiling)


def _unlike_this_worker(order: Order, config: Config, blender: str) -> str:
    if order.scene.blender != blender:
        return f"runs Blender {blender}, not {order.scene.blender}"
    if order.terms.token != config.token:
        return "works for another token than the terms name"
    # A price above the ceiling is asked all the same: the auction refuses it, and the requester sees how high
    # the market is.
    return ""


def _too_late(terms: Terms, config: Config, now: int) -> str:
    if terms.deadline < now + config.notice_seconds:
        return f"the deadline is {terms.deadline - now} seconds away; wants {config.notice_seconds}"
    if terms.grace < config.grace_seconds:
        return f"{terms.grace} seconds to claim after the deadline; wants {config.grace_seconds}"
    return ""
