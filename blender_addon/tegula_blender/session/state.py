"""What panels show: plain values that the session's thread makes, Blender's swaps in, and draw() reads.

Amounts are in the token's smallest unit; `Money` writes them for people.
"""

from dataclasses import dataclass
from enum import StrEnum

from tegula_market.model import Address, JobId, Wei

from ..money import Money

NOTHING = Wei(0)


@dataclass(frozen=True, slots=True)
class Connection:
    """What the last test of the coordinator's address and token has shown."""

    ok: bool
    sentence: str
    """Like "12 workers are online", or what is wrong and what to do."""
    address: Address | None = None
    """The artist's own account, to be topped up."""
    balance: Wei | None = None
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a job is expected to cost and to take; both ends of each range with their reasons."""

    price: tuple[Wei, Wei]
    seconds: tuple[float, float]
    budget: Wei
    """What is deposited: the price of every tile at the ceiling. What is not spent comes back."""
    reasons: tuple[str, ...]
    money: Money


class Step(StrEnum):
    """Of a job, in its order; FAILED and CANCELLED can follow on any but DONE."""

    PACKING = "packing"
    UPLOADING = "uploading"
    QUOTED = "waiting for your yes"
    DEPOSITING = "paying the deposit"
    WAITING = "waiting for workers"
    RENDERING = "rendering"
    FINISHING = "finishing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self in (Step.DONE, Step.CANCELLED, Step.FAILED)


@dataclass(frozen=True, slots=True)
class JobCard:
    """One line of the job list."""

    name: str
    """Of the .blend, and the frames."""
    step: Step
    handle: int = 0
    """By which the session knows it, from one start of Blender to its end."""
    job: JobId | None = None
    """None until there is a deposit."""
    sent: int = 0
    to_send: int = 0
    """Bytes, while uploading."""
    tiles: int = 0
    """Accepted and fetched."""
    of: int = 0
    spent: Wei = NOTHING
    budget: Wei = NOTHING
    seconds_left: float | None = None
    quote: Quote | None = None
    sentence: str = ""
    """Why it waits or has failed, and what to do."""


@dataclass(frozen=True, slots=True)
class State:
    """All that draw() may read."""

    connection: Connection | None = None
    quote: Quote | None = None
    """Of the scene as it was set when it was asked for."""
    problem: str = ""
    """Why there is no quote, and what to do."""
    quoted: int = 0
    """How often a quote was asked for and answered."""
    jobs: tuple[JobCard, ...] = ()
    """Newest first."""
