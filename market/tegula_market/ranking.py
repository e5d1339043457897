"""What an ask is expected to cost a job, all in all: what the auction ranks by.

    cost = price + ceiling * (chance that it fails + share of the time left that it takes)

A lease that fails, since its result is wrong or never comes, is paid nothing, but the work has to be done
again, by somebody for whom the job would pay its ceiling, and a verifier may have done it, too. A result that
comes at the deadline has come too late by just as much. The ceiling measures both, since it is the one number
in a round that no worker chooses: measured by what others ask, a flood of asks at next to nothing would make
failing free.
"""

from dataclasses import dataclass

from tegula_market.model import Wei
from tegula_market.reputation import PARTS, Reputation


@dataclass(frozen=True, slots=True)
class Prospect:
    """Of a worker's next lease, in millionths."""

    failure: int = 0
    """The chance that it has to be rendered again: rejected, or run out."""
    delay: int = 0
    """The share of the time left to the job's deadline until its result is there."""
    warm: bool = False
    """It holds the scene already."""


def prospect(
    reputation: Reputation, at: float, seconds: float, left: float, lease_seconds: float, *, warm: bool
) -> Prospect:
    """
    Args:
        seconds: from a lease to its result, loading included if there is any.
        left: seconds to the deadline.
        lease_seconds: what passes if the lease runs out.
    """
    late, wrong = reputation.lateness(at), reputation.failure(at)
    expected = seconds + lease_seconds * late / PARTS
    delay = PARTS if expected >= left else round(PARTS * expected / left)
    return Prospect(PARTS - (PARTS - wrong) * (PARTS - late) // PARTS, max(0, delay), warm)


def cost(price: Wei, ceiling: Wei, expected: Prospect) -> int:
    """In millionths of token units per megasample: whole numbers, since floats would round what is dear."""
    return price * PARTS + ceiling * (expected.failure + expected.delay)
