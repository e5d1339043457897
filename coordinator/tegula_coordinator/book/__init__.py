"""The coordinator's book: what is true, and what is to be done next. No clock, no randomness, no I/O.

`step` takes one event, changes the book and returns commands for the shell. It raises NotAdmitted before it
changes anything, so an event that is not admitted need not be logged, and replaying the log always works.
"""

from collections.abc import Iterator
from typing import assert_never

from tegula_coordinator import events
from tegula_coordinator.book import (
    arrivals,
    bans,
    deposits,
    ending,
    overtaking,
    posted,
    roots,
    rounds,
    verdicts,
    work,
)
from tegula_coordinator.book.job import Job, StandingAsk
from tegula_coordinator.book.state import Book, NotAdmitted, Timing, Worker
from tegula_coordinator.commands import Command
from tegula_coordinator.events import Event
from tegula_market.lifecycle import JobPhase

__all__ = ["RULES", "Book", "Job", "JobPhase", "NotAdmitted", "StandingAsk", "Timing", "Worker", "step"]

RULES = 2
"""Counts the changes by which `step` makes another book of the same events. What follows from an event is not
in the log, so one that was judged by other rules cannot be replayed: decision 3."""


def step(book: Book, event: Event) -> list[Command]:
    """The commands that follow from the event.

    Raises:
        NotAdmitted: the event is late, doubled or not its sender's to bring; nothing has changed.
    """
    return list(_step(book, event))


def _step(book: Book, event: Event) -> Iterator[Command]:
    match event:
        case events.Restarted():
            return arrivals.restart(book, event)
        case events.Draining():
            return arrivals.drain(book, event)
        case events.WorkerJoined():
            return arrivals.join(book, event)
        case events.WorkerLeft():
            return arrivals.leave(book, event)
        case events.WorkerBanned():
            return bans.ban(book, event)
        case events.WorkerUnbanned():
            return bans.unban(book, event)
        case events.JobOpened():
            return rounds.open_job(book, event)
        case events.AskArrived():
            return rounds.ask(book, event)
        case events.AskDeclined():
            return rounds.decline(book, event)
        case events.AskPosted():
            return posted.post(book, event)
        case events.CallEnded():
            return work.clear(book, event)
        case events.JobLags():
            return overtaking.overtake(book, event)
        case events.LeaseExpired():
            return work.expire(book, event)
        case events.LeaseReturned():
            return work.take_back(book, event)
        case events.ResultArrived():
            return work.deliver(book, event)
        case events.Suspected():
            return verdicts.suspect(book, event)
        case events.ProbeExpired():
            return verdicts.expire_probe(book, event)
        case events.Judged():
            return verdicts.judge(book, event)
        case events.VoucherSigned():
            return ending.voucher(book, event)
        case events.JobCancelled():
            return ending.cancel(book, event)
        case events.RootDecided():
            return roots.decide(book, event)
        case events.RootPosted():
            return roots.post(book, event)
        case events.RootVoided():
            return roots.void(book, event)
        case events.DepositLost():
            return deposits.lose(book, event)
        case events.DepositFound():
            return deposits.find(book, event)
        case events.DepositRefunded():
            return deposits.refund(book, event)
        case events.JobClosed():
            return ending.close(book, event)
        case events.JobForgotten():
            return ending.forget(book, event)
        case _:
            assert_never(event)
