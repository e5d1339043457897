"""When to collect what a voucher pays. Pure: times, amounts and fees come as arguments.

A claim costs gas and the next one replaces it, so it waits until the job brings no more, and then until the
fee is a small share of the amount. It never waits past the last call: after the grace the requester may have
the deposit back. Even then a claim that costs more than it brings is not sent; by hand it can be.
"""

from tegula_market.model import Terms, Wei

ETHER_UNITS = 10**18
LAST_CALL_SECONDS = 6 * 3600
"""Before the grace ends; half of a grace that is shorter than twice that. Many tries fit into it."""

LOST_SECONDS = 30 * 86_400
"""After the grace, in which a claim is still tried: nobody may have asked for the refund."""


def ripe(terms: Terms, *, earned: Wei, claimed: Wei, ended: bool, now: int) -> bool:
    """Whether there is something to claim, and nothing more to come."""
    return earned > claimed and (ended or now >= terms.deadline)


def is_last_call(expiry: int, grace: int, now: int) -> bool:
    return now >= expiry - min(grace // 2, LAST_CALL_SECONDS)


def dear(fee: Wei, amount: int, *, worth: int | None, share: int, last: bool) -> str:
    """Why the fee is too high to claim now; empty if it is not.

    Args:
        fee: in wei.
        amount: in units of the job's token.
        worth: of an ether, in those units; None if nobody has said, and then any fee will do.
        share: percent of the amount that the fee may be; 0 for any.
        last: whether it is the last call.
    """
    if worth is None or share == 0:
        return ""
    cost = -(-fee * worth // ETHER_UNITS)
    if last:
        return f"the fee is {cost}, the claim brings {amount}" if cost >= amount else ""
    if cost * 100 > amount * share:
        return f"the fee is {cost}, more than {share} % of the {amount} that the claim brings"
    return ""


def lapsed(expiry: int, now: int) -> bool:
    """Whether the requester can have the deposit back, claimed or not."""
    return now >= expiry
