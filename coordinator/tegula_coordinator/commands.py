"""Orders that the book gives to the shell, which does no more than carry them out."""

from dataclasses import dataclass
from typing import TypeAlias

from tegula_coordinator.events import Event
from tegula_market.messages import FromCoordinator
from tegula_market.model import JobId, Lease, LeaseId, Order, Result, WorkerId


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a message; a worker that is away is told what it needs when it joins again."""

    worker: WorkerId
    message: FromCoordinator


@dataclass(frozen=True, slots=True)
class Greet:
    """Welcome a worker, now that the book knows it; the shell adds its token."""

    worker: WorkerId


@dataclass(frozen=True, slots=True)
class SendLease:
    """Apart from Tell because the shell adds the commitment: the book knows no secret."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class SendRoot:
    """Tell a worker of a job's root; the shell adds the proof: the book hashes nothing."""

    worker: WorkerId
    job: JobId


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Have a result checked: place the probes, and order the rects from the verifier."""

    verifier: WorkerId
    number: int
    """Of all probes ever sent."""
    lease: LeaseId
    job: JobId
    unit: int
    order: Order
    result: Result
    batch: tuple[Result, ...]
    """What stands or falls with it, itself included."""
    whole: bool
    """All of it is rendered again: it was suspected, or comes from another kind of device while nothing is
    known yet of how far honest hardware strays in this job."""
    strayed: tuple[float, ...]
    """How far it did so far."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Bring this event at its own time; the book ignores it if it no longer matters."""

    event: Event


Command: TypeAlias = Tell | Greet | SendLease | SendRoot | SendProbe | WakeAt
