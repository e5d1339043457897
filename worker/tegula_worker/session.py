"""The worker's side of the conversation, pure: (state, event) -> (state, commands).

    not joined --WELCOME--> joined --silence, or REFUSED "unknown"--> not joined, HELLO again
    any other REFUSED --> the end

What the coordinator must not miss is kept until it has answered: a result until its VERDICT or REVOKE, other
answers until the next WELCOME if there is no connection. It repeats leases and vouchers itself when a worker
comes back, so hearing one twice changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar, assert_never

from tegula_market import messages
from tegula_market.messages import FromCoordinator, FromWorker
from tegula_market.model import JobId, Lease, LeaseId, Order, Outcome, Result
from tegula_worker.commands import (
    Command,
    Consider,
    DropResult,
    EndJob,
    KeepEvidence,
    KeepOrder,
    KeepResult,
    KeepRoot,
    KeepVoucher,
    NoteLoss,
    NoteVerdict,
    Quit,
    Reprobe,
    Say,
    Stop,
    UseToken,
    Work,
)
from tegula_worker.events import (
    Considered,
    Drained,
    Equipped,
    Event,
    Finished,
    Heard,
    Paused,
    Repriced,
    Resumed,
    Started,
    Ticked,
)

T = TypeVar("T")

SILENT_HEARTBEATS = 5
FIRST_HEARTBEAT = 2.0
"""Seconds, until the coordinator has said its own."""
UNKNOWN = "unknown"
"""A refusal that begins so says: HELLO first. The coordinator was started again."""


@dataclass(frozen=True, slots=True)
class Session:
    hello: messages.Hello
    joined: bool = False
    paused: bool = False
    heartbeat: float = FIRST_HEARTBEAT
    heard: float = 0.0
    """When the coordinator was last heard, or HELLO was last said. Any clock that never goes back."""
    orders: Mapping[JobId, Order] = field(default_factory=dict)
    """Of the jobs that were asked for."""
    asks: Mapping[JobId, messages.AskFor] = field(default_factory=dict)
    """That stand, as far as is known since the start."""
    priced: Repriced | None = None
    """What is asked at present; None until the rules have been asked."""
    working: frozenset[LeaseId] = frozenset()
    results: Mapping[LeaseId, Result] = field(default_factory=dict)
    """Delivered, or to be delivered, and not acknowledged."""
    unsaid: tuple[FromWorker, ...] = ()
    """Waits for the next WELCOME."""


Step: TypeAlias = tuple[Session, tuple[Command, ...]]


def step(session: Session, event: Event) -> Step:
    match event:
        case Started(at):
            return _introduce(session, at)
        case Heard(at, message):
            return _hear(replace(session, heard=at), message)
        case Ticked(at):
            return _tick(session, at)
        case Considered(order, answer):
            return _answer(session, order, answer)
        case Finished(lease, answer):
            return _finish(session, lease, answer)
        case Paused(now):
            return _withdraw(session, now)
        case Resumed(at):
            # A coordinator calls for all its jobs when it hears HELLO, those declined meanwhile included.
            return _introduce(replace(session, paused=False), at)
        case Equipped():
            return _equip(session, event)
        case Repriced():
            return _reprice(session, event)
        case Drained():
            return session, (Say(messages.Bye()), Quit(""))
        case _:
            assert_never(event)


def _introduce(session: Session, at: float) -> Step:
    return replace(session, joined=False, heard=at), (Say(session.hello),)


def _tick(session: Session, at: float) -> Step:
    if at - session.heard > SILENT_HEARTBEATS * session.heartbeat:
        return _introduce(session, at)
    return session, (Say(messages.Heartbeat()),) if session.joined else ()


def _answer(session: Session, order: Order, answer: messages.AskFor | messages.Decline) -> Step:
    if isinstance(answer, messages.Decline):
        return _say(session, answer)
    if session.paused:  # since it was considered
        return _say(session, messages.Decline(answer.job, "this worker has just paused"))
    answer = replace(answer, slots=session.hello.slots)
    orders = {**session.orders, answer.job: order}
    asks = {**session.asks, answer.job: answer}
    asked = replace(session, orders=orders, asks=asks)
    return _say(asked, answer, KeepOrder(answer.job, order, answer.price))


def _withdraw(session: Session, now: int) -> Step:
    """An ask that has ended takes the place of the one that stands, and gets nothing in the next round."""
    ended = tuple(replace(ask, expiry=now) for ask in session.asks.values())
    posted = _posted(session)
    session = replace(session, paused=True, asks={})
    if session.joined:
        withdrawn = tuple(replace(post, slots=0) for post in posted)
        return session, (*map(Say, withdrawn), *map(Say, ended))
    unsaid = (message for message in session.unsaid if not isinstance(message, messages.AskFor))
    return replace(session, unsaid=(*unsaid, *ended)), ()


def _finish(session: Session, lease: LeaseId, answer: FromWorker) -> Step:
    if lease not in session.working:  # revoked in the meantime
        return session, ()
    session = replace(session, working=session.working - {lease})
    if not isinstance(answer, messages.Deliver):
        return _say(session, answer)
    results = {**session.results, lease: answer.result}
    said = (Say(answer),) if session.joined else ()
    return replace(session, results=results), (KeepResult(answer.result), *said)


def _equip(session: Session, left: Equipped) -> Step:
    """Another HELLO: the coordinator then leases no more than the devices that are left can do."""
    if not left.slots:
        reason = f"no device is left to render on; {left.reason}"
        return session, (Say(messages.Bye()), Quit(reason))
    hello = replace(session.hello, device=left.device, slots=left.slots)
    if hello == session.hello:
        return session, ()
    return replace(session, hello=hello), (Say(hello),) if session.joined else ()


def _reprice(session: Session, priced: Repriced) -> Step:
    if priced == session.priced:
        return session, ()
    session = replace(session, priced=priced)
    return session, tuple(map(Say, _posted(session))) if session.joined else ()


def _posted(session: Session) -> tuple[messages.Post, ...]:
    """What is posted: one ask, or none."""
    if session.paused or session.priced is None:
        return ()
    return (messages.Post(session.priced.token, session.priced.price, session.hello.slots),)


def _say(session: Session, message: FromWorker, *before: Command) -> Step:
    if session.joined:
        return session, (*before, Say(message))
    return replace(session, unsaid=(*session.unsaid, message)), before


def _hear(session: Session, message: FromCoordinator) -> Step:
    match message:
        case messages.Welcome(token, heartbeat):
            delivered = (messages.Deliver(result) for result in session.results.values())
            say = tuple(Say(each) for each in (*_posted(session), *session.unsaid, *delivered))
            return replace(session, joined=True, heartbeat=heartbeat, unsaid=()), (UseToken(token), *say)
        case messages.Refused(reason):
            return _refused(session, reason)
        case messages.Call():
            return session, (Consider(message),)
        case messages.Grant(lease):
            return _take(session, lease)
        case messages.Probe():
            if message.lease in session.working:
                return session, ()
            return replace(session, working=session.working | {message.lease}), (Reprobe(message),)
        case messages.Revoke(lease_id):
            session, commands = _acknowledged(session, lease_id)
            stop = (Stop(lease_id),) if lease_id in session.working else ()
            return replace(session, working=session.working - {lease_id}), (*stop, *commands)
        case messages.Decided():
            return _decided(session, message)
        case messages.Pay(signed):
            return session, (KeepVoucher(signed),)
        case messages.Rooted():
            return session, (KeepRoot(message),)
        case messages.Ended(job):
            orders, asks = _without(session.orders, job), _without(session.asks, job)
            return replace(session, orders=orders, asks=asks), (EndJob(job),)
        case messages.NotTaken():
            return session, (NoteLoss(message),)
        case messages.Heartbeat():
            return session, ()
        case _:
            assert_never(message)


def _refused(session: Session, reason: str) -> Step:
    if not reason.startswith(UNKNOWN):
        return session, (Quit(reason),)
    # Not joined, HELLO is on its way already: this answers something said before it.
    return _introduce(session, session.heard) if session.joined else (session, ())


def _take(session: Session, lease: Lease) -> Step:
    if lease.id in session.results:
        return session, (Say(messages.Deliver(session.results[lease.id])),)
    if lease.id in session.working:
        return session, ()
    order = session.orders.get(lease.job)
    if order is None:
        return _say(session, messages.Return(lease.id, "UNKNOWN_JOB", "this worker never asked for the job"))
    return replace(session, working=session.working | {lease.id}), (Work(lease, order),)


def _decided(session: Session, decided: messages.Decided) -> Step:
    """Of a batch only the tile that was looked at leaves evidence; the others fell with it."""
    verdict = decided.verdict
    session, commands = _acknowledged(session, verdict.lease)
    if not commands:  # heard before
        return session, ()
    rejected = verdict.outcome is Outcome.REJECTED and verdict.probe_pixels
    evidence = (KeepEvidence(verdict.lease),) if rejected else ()
    return session, (NoteVerdict(decided), *commands, *evidence)


def _without(jobs: Mapping[JobId, T], ended: JobId) -> dict[JobId, T]:
    return {job: known for job, known in jobs.items() if job != ended}


def _acknowledged(session: Session, lease: LeaseId) -> Step:
    if lease not in session.results:
        return session, ()
    results = {known: result for known, result in session.results.items() if known != lease}
    return replace(session, results=results), (DropResult(lease),)
