"""The end of a job: what is not owed goes back to the requester, and workers claim what is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from tegula.outcome import Payment
from tegula_blender.job_view import JobView
from tegula_blender.session.deal import Deal
from tegula_market.adapters.chain import ChainError, Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, Wei

LOOK_SECONDS = 0.25
"""Between two looks at the chain."""


def close(deal: Deal, escrow: Escrow, payer: Key, view: JobView) -> tuple[bytes, Wei]:
    """Both sides sign how much is owed; the escrow returns the rest at once.

    Returns:
        The transaction's hash and what came back.
    Raises:
        ChainError: the escrow was closed by somebody else, or the chain is away.
    """
    owed = _owed(deal, escrow, view)
    ours = deal.sign_close(owed)
    theirs = deal.client.close(deal.job, owed, ours)
    escrow.close(deal.order.terms, owed, ours, theirs, payer)
    returned = escrow.returned(deal.job)
    if not returned:
        raise ChainError("the escrow is closed, but the chain shows no refund; is the RPC node in step?")
    return returned[-1].tx, returned[-1].amount


def _owed(deal: Deal, escrow: Escrow, view: JobView) -> Wei:
    """What has to stay for workers: what they earned, or what the chain keeps for them if that is more."""
    earned = sum(dues.cumulative for dues in view.owed)
    root = escrow.root(deal.job)
    return Wei(max(earned, escrow.account(deal.job).paid + root.reserved) if root else earned)


def dispute(deal: Deal, escrow: Escrow, payer: Key) -> str:
    """Asks the arbiter about the job's root; what came of it, for people."""
    arbiter = f"the arbiter 0x{deal.order.terms.arbiter.hex()}"
    escrow.dispute(deal.order.terms, payer)
    root = escrow.root(deal.job)
    if root is None:
        return f"{arbiter} has voided the root"
    until = datetime.fromtimestamp(root.final_at, UTC)
    return f"the root is disputed, and {arbiter} decides before {until:%Y-%m-%d %H:%M} UTC"


def claims(
    deal: Deal, escrow: Escrow, view: JobView, patience: float, pause: Callable[[float], None] = time.sleep
) -> tuple[Payment, ...]:
    """What workers have claimed on chain, and, without a transaction, what they have not.

    Args:
        patience: seconds in which workers may still claim.
    """
    owed = {dues.worker: dues.cumulative for dues in view.owed}
    until = time.monotonic() + patience
    while True:
        claimed = escrow.payments(deal.job)
        left = _left(owed, [Payment(one.worker, one.amount, one.tx) for one in claimed])
        if not left or time.monotonic() >= until:
            break
        pause(LOOK_SECONDS)
    return (
        *(Payment(one.worker, one.amount, one.tx) for one in claimed),
        *(Payment(worker, amount, None) for worker, amount in left.items()),
    )


def _left(owed: dict[Address, Wei], claimed: list[Payment]) -> dict[Address, Wei]:
    left = dict(owed)
    for payment in claimed:
        left[payment.worker] = Wei(left.get(payment.worker, 0) - payment.amount)
    return {worker: amount for worker, amount in left.items() if amount > 0}
