"""What can happen to a unit of work, and to each lease of it. Pure tables; knows no pixels.

    OPEN --Leased--> LEASED --Delivered--> DELIVERED --Accepted--> ACCEPTED
     ^                 |                    |  ^  |
     +-Expired,Returned+                    |  +--+ Inconclusive: probed again, by another verifier
     +-------Rejected, Inconclusive too often
     any of OPEN, LEASED, DELIVERED --Cancelled--> CANCELLED

A unit that is LEASED can be leased a second time (Doubled), to two workers at most. What either delivers
first is looked at first; the other lease goes on, and takes over where the unit would have returned to OPEN.
With Accepted it is over.

What would return to OPEN goes to DEAD instead when the attempts are spent:

- a rejection is somebody's fault: after MAX_REJECTED of proven workers the unit itself is the likelier one;
- an expired or returned lease, and a result that no verifier could judge, is held against nobody,
  since machines are switched off and networks fail. But it counts towards MAX_LEASES, so that a unit
  which brings down each worker that touches it does not go round for ever.
- what strangers do counts towards MAX_ATTEMPTS alone: a few fresh names could else end anybody's job.

Every event names its lease. One that names a lease which the unit no longer has is an IllegalMove;
whoever takes events from peers asks `holds` first, since a late result is no fault of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from tegula_market.model import LeaseId, TegulaError

MAX_REJECTED = 5
MAX_LEASES = 25
MAX_ATTEMPTS = 100
MAX_INCONCLUSIVE = 3
"""Verdicts that say nothing about one result before the unit is rendered anew."""
HISTORY = 12
"""Phases that a unit remembers: enough to see how it got there, in a job of 100,000 units."""


class Phase(StrEnum):
    OPEN = "OPEN"
    LEASED = "LEASED"
    DELIVERED = "DELIVERED"
    ACCEPTED = "ACCEPTED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


FINISHED = frozenset({Phase.ACCEPTED, Phase.DEAD, Phase.CANCELLED})


class JobPhase(StrEnum):
    """What a job's units and its ending amount to; derived, never stored."""

    OPEN = "OPEN"
    DONE = "DONE"
    """Every unit is accepted."""
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    """Both sides have signed what is owed."""


class LeasePhase(StrEnum):
    ACTIVE = "ACTIVE"
    FULFILLED = "FULFILLED"
    EXPIRED = "EXPIRED"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True)
class UnitState:
    phase: Phase = Phase.OPEN
    attempt: int = 0
    """Leases so far; the last one's number."""
    rejected: int = 0
    spent: int = 0
    """Leases of proven workers that came to nothing."""
    lease: LeaseId | None = None
    """Set while LEASED, DELIVERED or ACCEPTED."""
    second: LeaseId | None = None
    """Another one, by which the unit is rendered beside it; only while LEASED or DELIVERED."""
    inconclusive: int = 0
    """Verdicts on the present result that said nothing."""
    history: tuple[Phase, ...] = (Phase.OPEN,)
    """The last phases, oldest first."""

    def holds(self, lease: LeaseId) -> bool:
        """Whether a result, a return or an expiry of that lease is still of interest."""
        return lease == self.second or (self.phase is Phase.LEASED and lease == self.lease)


@dataclass(frozen=True, slots=True)
class Leased:
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class Doubled:
    """Leased a second time, beside the lease that it has."""

    lease: LeaseId


@dataclass(frozen=True, slots=True)
class Expired:
    lease: LeaseId
    counts: bool = True
    """Its worker had delivered what was right before: see Rejected."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The worker gave the lease back: it is draining, or cannot render the scene."""

    lease: LeaseId
    counts: bool = True
    """As an expired one's."""


@dataclass(frozen=True, slots=True)
class Delivered:
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class Accepted:
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class Rejected:
    lease: LeaseId
    counts: bool = True
    """Its worker had delivered what was right before, so that the unit may be at fault. Strangers could
    otherwise end a job with a few keys."""


@dataclass(frozen=True, slots=True)
class Inconclusive:
    lease: LeaseId
    counts: bool = True
    """As a rejected one's: an image can be made so that none can judge it."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The requester cancelled the job, or its deadline has passed; a lease under way is RETURNED."""


UnitEvent = Leased | Doubled | Expired | Returned | Delivered | Accepted | Rejected | Inconclusive | Cancelled


class IllegalMove(TegulaError):
    """An event that a state does not allow: our own fault, since peers' events are checked before."""


def step(state: UnitState, event: UnitEvent) -> UnitState:
    """The unit after the event.

    Raises:
        IllegalMove: the phase does not allow the event, or it names another lease.
    """
    known = None if isinstance(event, Leased | Doubled | Cancelled) else event.lease
    of_second = known is not None and known == state.second
    move = (MOVES_OF_SECOND if of_second else MOVES).get((state.phase, type(event)))
    stale = known not in (None, state.lease, state.second)
    thrice = isinstance(event, Doubled) and state.second is not None
    if move is None or stale or thrice:
        raise IllegalMove(
            f"{event} does not fit a unit that is {state.phase} in attempt {state.attempt}"
            f" with lease {state.lease}, second {state.second}; it went {' > '.join(state.history)}"
        )
    return move(state, event)


def end(phase: LeasePhase, event: UnitEvent) -> LeasePhase:
    """The lease after the event that ends it.

    Raises:
        IllegalMove: the lease has ended before, or the event ends no lease.
    """
    ended = ENDS.get(type(event))
    if phase is not LeasePhase.ACTIVE or ended is None:
        raise IllegalMove(f"{event} does not end a lease that is {phase}")
    return ended


def _to(state: UnitState, phase: Phase) -> UnitState:
    return replace(state, phase=phase, history=(*state.history, phase)[-HISTORY:])


def _lease(state: UnitState, event: UnitEvent) -> UnitState:
    assert isinstance(event, Leased)
    return replace(_to(state, Phase.LEASED), lease=event.lease, attempt=state.attempt + 1)


def _double(state: UnitState, event: UnitEvent) -> UnitState:
    assert isinstance(event, Doubled)
    return replace(state, second=event.lease, attempt=state.attempt + 1)


def _deliver(state: UnitState, _: UnitEvent) -> UnitState:
    return _to(state, Phase.DELIVERED)


def _deliver_second(state: UnitState, _: UnitEvent) -> UnitState:
    return replace(_to(state, Phase.DELIVERED), lease=state.second, second=state.lease)


def _lose_second(state: UnitState, event: UnitEvent) -> UnitState:
    assert isinstance(event, Expired | Returned)
    return replace(state, second=None, spent=state.spent + event.counts)


def _accept(state: UnitState, _: UnitEvent) -> UnitState:
    return replace(_to(state, Phase.ACCEPTED), second=None)


def _reopen(state: UnitState, event: UnitEvent) -> UnitState:
    stranger = isinstance(event, Expired | Returned | Rejected | Inconclusive) and not event.counts
    spent = state.spent + (not stranger)
    if state.second is not None:  # bounds are looked at when it fails, too
        return replace(_to(state, Phase.LEASED), lease=state.second, second=None, inconclusive=0, spent=spent)
    dead = state.rejected >= MAX_REJECTED or spent >= MAX_LEASES or state.attempt >= MAX_ATTEMPTS
    return replace(_to(state, Phase.DEAD if dead else Phase.OPEN), lease=None, inconclusive=0, spent=spent)


def _reject(state: UnitState, event: UnitEvent) -> UnitState:
    assert isinstance(event, Rejected)
    return _reopen(replace(state, rejected=state.rejected + event.counts), event)


def _doubt(state: UnitState, event: UnitEvent) -> UnitState:
    if state.inconclusive + 1 == MAX_INCONCLUSIVE:
        return _reopen(state, event)
    return replace(_to(state, Phase.DELIVERED), inconclusive=state.inconclusive + 1)


def _cancel(state: UnitState, _: UnitEvent) -> UnitState:
    return replace(_to(state, Phase.CANCELLED), lease=None, second=None, inconclusive=0)


MOVES: dict[tuple[Phase, type[UnitEvent]], Callable[[UnitState, UnitEvent], UnitState]] = {
    (Phase.OPEN, Leased): _lease,
    (Phase.OPEN, Cancelled): _cancel,
    (Phase.LEASED, Doubled): _double,
    (Phase.LEASED, Delivered): _deliver,
    (Phase.LEASED, Expired): _reopen,
    (Phase.LEASED, Returned): _reopen,
    (Phase.LEASED, Cancelled): _cancel,
    (Phase.DELIVERED, Accepted): _accept,
    (Phase.DELIVERED, Rejected): _reject,
    (Phase.DELIVERED, Inconclusive): _doubt,
    (Phase.DELIVERED, Cancelled): _cancel,
}

MOVES_OF_SECOND: dict[tuple[Phase, type[UnitEvent]], Callable[[UnitState, UnitEvent], UnitState]] = {
    (Phase.LEASED, Delivered): _deliver_second,
    (Phase.LEASED, Expired): _lose_second,
    (Phase.LEASED, Returned): _lose_second,
    (Phase.DELIVERED, Expired): _lose_second,
    (Phase.DELIVERED, Returned): _lose_second,
}
"""Of events that name the second lease. What it delivers while the first one's result is looked at waits with
whoever took it: to the unit it has happened when that result has failed, and the lease has taken over."""

ENDS: dict[type[UnitEvent], LeasePhase] = {
    Delivered: LeasePhase.FULFILLED,
    Expired: LeasePhase.EXPIRED,
    Returned: LeasePhase.RETURNED,
    Cancelled: LeasePhase.RETURNED,
}
