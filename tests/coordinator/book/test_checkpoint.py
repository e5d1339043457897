"""That a checkpoint is the book, event by event, `playbook.play` looks at in every test of the book."""

from pathlib import Path

import pytest

from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    opened,
    play,
    reread,
    vouchered,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, checkpoint, shelf, step
from tegula_coordinator.book.plain import Unreadable
from tegula_coordinator.book.state import Ban
from tegula_coordinator.events import Event
from tegula_market.model import Outcome, Signature, Wei

OLD = Path(__file__).parent / "checkpoint-1.bin"
"""As the first program that wrote any has written it, of `busy`."""
BUSY: tuple[Event, ...] = (
    joined(ANN, slots=2),
    joined(BOB),
    joined(JUDGE),
    events.WorkerBanned(NOW, BOB, "noise"),
    opened(),
    asked(ANN, 40, slots=2),
    called(),
    delivered(ANN, 0),
    judged(0, Outcome.ACCEPTED),
    vouchered(ANN, 80),
    delivered(ANN, 1),
)


def busy() -> Book:
    book = a_book()
    play(book, *BUSY)
    return book


def closed(book: Book) -> Book:
    owed = 160
    play(
        book,
        judged(1, Outcome.ACCEPTED),
        vouchered(ANN, owed),
        events.JobClosed(NOW + 6, JOB, Wei(owed), Signature(bytes(65))),
    )
    shelf.put_away(book.jobs[JOB])
    return book


def test_a_job_is_the_same_among_all_and_among_the_live() -> None:
    again = reread(busy())
    assert again.live[JOB] is again.jobs[JOB]
    assert again.verifiers[JUDGE] is again.workers[JUDGE]
    assert again.workers[ANN].shown.work.maxlen == busy().workers[ANN].shown.work.maxlen


def test_a_closed_job_has_its_units_and_verdicts_after_a_start_from_a_checkpoint() -> None:
    book = closed(busy())
    again = reread(book)
    assert again.jobs[JOB].away is not None
    assert shelf.whole(again.jobs[JOB]) == shelf.whole(book.jobs[JOB])
    assert len(shelf.verdicts(again.jobs[JOB], 1)) == 1


def test_what_cannot_be_read_changes_nothing() -> None:
    book = busy()
    with pytest.raises(Unreadable):
        checkpoint.restore(book, checkpoint.pack(book)[:-1])
    assert book == reread(book) != a_book()


def test_a_restored_book_has_nothing_of_before() -> None:
    book = busy()
    checkpoint.restore(book, checkpoint.pack(a_book()))
    assert (book.jobs, book.workers, book.probes_sent) == ({}, {}, 0)
    book = busy()
    checkpoint.reset(book)
    assert not book.jobs


def test_checkpoints_of_older_programs_can_be_read() -> None:
    """Else their log, once it is cut, is lost. Give a new field a default, and let none go that was written.

    If a field has to go: let `checkpoint.restore` take it from the older form, and keep this file.
    """
    book = a_book()
    checkpoint.restore(book, OLD.read_bytes())
    assert book.banned == {BOB: Ban(NOW, "noise")}
    assert book.jobs[JOB].ledger.owed == {ANN[:20]: 80}
    step(book, events.Restarted(NOW + 5))
    assert closed(book).jobs[JOB].closed == 160
