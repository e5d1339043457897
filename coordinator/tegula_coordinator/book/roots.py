"""The coordinator's last word on a job whose requester is away; workers are paid by it after a window.

A job goes on for as long as somebody works on it: a requester that is away now may be back before it is done,
and how much stays unsigned is for workers to bound.
"""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import ending
from tegula_coordinator.book.job import Job, PostedRoot
from tegula_coordinator.book.state import Book, NotAdmitted
from tegula_coordinator.commands import Command, SendRoot, Tell
from tegula_market import messages
from tegula_market.lifecycle import JobPhase
from tegula_market.model import NOBODY

PAID_BY_ROOT = "the requester is away; a root pays what is owed"


def due(job: Job, heard: float, now: float, after: float) -> bool:
    """Whether it is time for the last word.

    Args:
        heard: when the requester of the job last said anything.
        after: seconds of silence. Past the deadline it is so many in any case: who is there by then and does
            not sign will not. Never more than a window, so that the root is posted before the refund begins.
    """
    terms = job.order.terms
    if _why_not(job):
        return False
    patience = min(after, terms.window)
    return now - heard >= patience or now >= terms.deadline + patience


def _why_not(job: Job) -> str:
    """Why there can be no root now; empty if there can."""
    if job.order.terms.arbiter == NOBODY:
        return "the terms name no arbiter, so the escrow takes no root"
    if job.decided or job.leases or not job.unsigned:
        return "a job has one root, once nothing is under way and something is not signed for"
    return ""


def decide(book: Book, event: events.RootDecided) -> Iterator[Command]:
    job = book.live_job(event.job)
    if reason := _why_not(job):
        raise NotAdmitted(reason)
    job.decided = True
    if job.phase is JobPhase.OPEN:
        yield from ending.stop(book, job, JobPhase.CANCELLED, event.reason, event.at)


def post(book: Book, event: events.RootPosted) -> Iterator[Command]:
    job = book.job(event.job)
    if not job.decided or job.root is not None:
        raise NotAdmitted("this root was not decided on, or is known already")
    job.root = PostedRoot(event.root, event.reserve, event.final_at)
    job.reason = job.reason or PAID_BY_ROOT
    for payee in job.ledger.owed:
        book.earned.setdefault(payee, {})[job.id] = None
    for worker in ending.earners(book, job):
        yield SendRoot(worker, job.id)
        yield Tell(worker, messages.Ended(job.id, job.reason))


def void(book: Book, event: events.RootVoided) -> Iterator[Command]:
    """The requester, who has disputed, is back: what it signs counts again."""
    job = book.job(event.job)
    if job.root is None:
        raise NotAdmitted("there is no root to void")
    job.decided, job.root = False, None
    yield from ()
