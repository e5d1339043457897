"""What the session wants done, in order."""

from dataclasses import dataclass
from typing import TypeAlias

from tegula_market import messages
from tegula_market.messages import FromWorker
from tegula_market.model import JobId, Lease, LeaseId, Order, Result, SignedVoucher, Wei


@dataclass(frozen=True, slots=True)
class Say:
    message: FromWorker


@dataclass(frozen=True, slots=True)
class UseToken:
    token: str


@dataclass(frozen=True, slots=True)
class Consider:
    call: messages.Call


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """Durably, before the ask: leases and vouchers that follow make sense with it only."""

    job: JobId
    order: Order
    price: Wei
    """That is asked."""


@dataclass(frozen=True, slots=True)
class NoteLoss:
    """An ask that was not taken, for the books."""

    loss: messages.NotTaken


@dataclass(frozen=True, slots=True)
class NoteVerdict:
    """For the books, once for each result."""

    decided: messages.Decided


@dataclass(frozen=True, slots=True)
class Work:
    lease: Lease
    order: Order


@dataclass(frozen=True, slots=True)
class Reprobe:
    probe: messages.Probe


@dataclass(frozen=True, slots=True)
class Stop:
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class KeepResult:
    """Durably, before it is said."""

    result: Result


@dataclass(frozen=True, slots=True)
class DropResult:
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class KeepEvidence:
    """Of a verdict that costs the provider money: anybody can replay it."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class KeepVoucher:
    signed: SignedVoucher


@dataclass(frozen=True, slots=True)
class KeepRoot:
    said: messages.Rooted


@dataclass(frozen=True, slots=True)
class EndJob:
    job: JobId


@dataclass(frozen=True, slots=True)
class Quit:
    refusal: str
    """The coordinator's sentence; empty if the worker leaves by itself."""


Command: TypeAlias = (
    Say
    | UseToken
    | Consider
    | KeepOrder
    | NoteLoss
    | NoteVerdict
    | Work
    | Reprobe
    | Stop
    | KeepResult
    | DropResult
    | KeepEvidence
    | KeepVoucher
    | KeepRoot
    | EndJob
    | Quit
)
