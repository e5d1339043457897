"""Whether this machine's clock is right, by the coordinator's: deadlines, leases and claims go by it."""

import time
from collections.abc import Callable

from tegula_market.adapters.blobs import BlobClient

MOST_SECONDS = 5
"""What clocks may differ by; HTTP tells whole seconds, and an answer takes its time."""
REMEDY = "have the network set the clock (timedatectl set-ntp true); a wrong one misses deadlines"


def compare(client: BlobClient, now: Callable[[], float] = time.time) -> str:
    """What is wrong, in words; empty if nothing is, or nobody tells. Blocks.

    Raises:
        BlobError: the coordinator cannot be reached.
    """
    before = now()
    theirs = client.date()
    return "" if theirs is None else fault(theirs, before, now())


def fault(theirs: int, before: float, after: float) -> str:
    """
    Args:
        theirs: Unix seconds, rounded down, read at some moment between `before` and `after` of this clock.
    """
    behind, ahead = theirs - after, before - (theirs + 1)
    if max(behind, ahead) <= MOST_SECONDS:
        return ""
    which = "behind" if behind > ahead else "ahead of"
    return f"this machine's clock is {round(max(behind, ahead))} seconds {which} the coordinator's"
