"""The operator will not work with somebody any more. What was earned stays earned."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import arrivals
from tegula_coordinator.book.state import Ban, Book, NotAdmitted
from tegula_coordinator.commands import Command, Tell
from tegula_market import messages


def ban(book: Book, event: events.WorkerBanned) -> Iterator[Command]:
    """What it renders is open again; what it has delivered is judged, and paid if it is right."""
    book.banned[event.worker] = Ban(event.at, event.reason)
    if event.worker in book.workers:
        yield Tell(event.worker, messages.Refused(book.banned[event.worker].sentence))
        yield from arrivals.leave(book, events.WorkerLeft(event.at, event.worker, "banned"))


def unban(book: Book, event: events.WorkerUnbanned) -> Iterator[Command]:
    if event.worker not in book.banned:
        raise NotAdmitted("that worker is not banned")
    del book.banned[event.worker]
    yield from ()
