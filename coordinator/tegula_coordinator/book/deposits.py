"""What the chain does with deposits after their jobs were opened."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import ending, overtaking, rounds
from tegula_coordinator.book.state import Book, NotAdmitted
from tegula_coordinator.commands import Command, Tell
from tegula_market import messages
from tegula_market.lifecycle import JobPhase

REFUNDED = "the deposit went back to the requester"


def lose(book: Book, event: events.DepositLost) -> Iterator[Command]:
    """No more is leased. What is rendered goes on: workers look at the deposit themselves."""
    job = book.live_job(event.job)
    if job.adrift:
        raise NotAdmitted("its deposit is lost already")
    job.adrift = True
    yield from ()


def find(book: Book, event: events.DepositFound) -> Iterator[Command]:
    job = book.job(event.job)
    if job.forgotten:
        raise NotAdmitted("the job is over since long, and its tiles are forgotten")
    if not (job.adrift or job.refunded):
        raise NotAdmitted("its deposit is where it was")
    job.adrift = job.refunded = False
    if job.closed is None:
        book.live[job.id] = job
    if job.phase is JobPhase.OPEN:
        yield from rounds.lease_out(book, job, event.at)
        yield from overtaking.watch(book, job, event.at)


def refund(book: Book, event: events.DepositRefunded) -> Iterator[Command]:
    """A root's leaves can be claimed all the same; of the job there is nothing left to do."""
    job = book.live_job(event.job)
    if job.phase is JobPhase.OPEN:
        yield from ending.stop(book, job, JobPhase.CANCELLED, REFUNDED, event.at)
    job.refunded, job.reason = True, job.reason or REFUNDED
    del book.live[job.id]
    for worker in ending.earners(book, job):
        yield Tell(worker, messages.Ended(job.id, job.reason))
