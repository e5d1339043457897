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

    @property
    def open(self) -> bool:
        return self.status is Status.OPEN


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
