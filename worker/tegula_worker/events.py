"""What happens to a worker, as the session hears of it. Times are of any clock that never goes back."""

from dataclasses import dataclass
from typing import TypeAlias

from tegula_market import messages
from tegula_market.messages import FromCoordinator
from tegula_market.model import Address, LeaseId, Order, Wei


@dataclass(frozen=True, slots=True)
class Started:
    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    at: float
    message: FromCoordinator


@dataclass(frozen=True, slots=True)
class Ticked:
    """A heartbeat has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Considered:
    """The policy's answer to a call."""

    order: Order
    answer: messages.AskFor | messages.Decline


@dataclass(frozen=True, slots=True)
class Finished:
    """Work has ended, one way or the other."""

    lease: LeaseId
    answer: messages.Deliver | messages.Return | messages.Probed | messages.ProbeFailed


@dataclass(frozen=True, slots=True)
class Equipped:
    """A device is set aside; these are left."""

    device: str
    """In words."""
    slots: int
    reason: str


@dataclass(frozen=True, slots=True)
class Repriced:
    """What the pricing rules say now, whatever the job; the same as before or not."""

    token: Address
    price: Wei


@dataclass(frozen=True, slots=True)
class Drained:
    """The provider wants the machine back."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing new is to be taken for a while; what is under way goes on."""

    now: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Resumed:
    at: float


Event: TypeAlias = (
    Started | Heard | Ticked | Considered | Finished | Paused | Resumed | Equipped | Repriced | Drained
)
