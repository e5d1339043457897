"""What the escrow knows of a job, as values; `adapters.chain` reads them."""

from dataclasses import dataclass
from enum import IntEnum

from tegula_market.model import Address, Wei


class Status(IntEnum):
    """Of a job in the escrow, as the contract numbers it."""

    NONE = 0
    OPEN = 1
    CLOSED = 2
    REFUNDED = 3


@dataclass(frozen=True, slots=True)
class Account:
    """A job's account in the escrow."""

    funded: Wei
    paid: Wei
    status: Status
    deadline: int = 0
    """As extended; Unix seconds."""
    rooted: bool = False
    """There is a root, and it reserves a part."""

    @property
    def open(self) -> bool:
        return self.status is Status.OPEN


@dataclass(frozen=True, slots=True)
class Root:
    """The coordinator's last word on a job."""

    hash: bytes
    reserved: Wei
    """What its leaves can still take."""
    stake: Wei
    """The requester's, while there is a dispute."""
    final_at: int
    """Unix seconds: from then on it pays."""

    @property
    def disputed(self) -> bool:
        return self.stake != 0


@dataclass(frozen=True, slots=True)
class Deposit:
    """By opening the job, or by topping it up."""

    amount: Wei
    tx: bytes
    """Transaction hash, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Payment:
    worker: Address
    amount: Wei
    tx: bytes
    """Transaction hash, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What went back to the requester."""

    amount: Wei
    tx: bytes
