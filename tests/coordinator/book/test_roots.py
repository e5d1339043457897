import pytest

from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    SIGNATURE,
    WINDOW,
    a_book,
    arbitrated,
    asked,
    called,
    delivered,
    joined,
    judged,
    opened,
    play,
    told,
    vouchered,
)
from orders import an_order
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted, roots
from tegula_coordinator.commands import SendRoot
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.lifecycle import Phase
from tegula_market.model import Order, Outcome, Wei

HOUR = 3600.0
ROOT = b"\x77" * 32


def rendering(order: Order | None = None) -> Book:
    """Ann and Bob each render one of two tiles."""
    book = a_book()
    play(book, joined(ANN), joined(BOB), joined(JUDGE), opened(order=order or arbitrated()))
    play(book, asked(ANN, 40), asked(BOB, 40), called())
    return book


def accepted(order: Order | None = None) -> Book:
    """Both are accepted and nothing is signed for."""
    book = rendering(order)
    play(book, delivered(ANN, 0), delivered(BOB, 1))
    play(book, judged(0, Outcome.ACCEPTED), judged(1, Outcome.ACCEPTED))
    return book


def decided() -> Event:
    return events.RootDecided(NOW + 10, JOB, "the requester was not heard from")


def posted() -> Event:
    return events.RootPosted(NOW + 11, JOB, ROOT, Wei(160), 2_000)


def due(book: Book, heard: float, now: float, after: float = HOUR) -> bool:
    return roots.due(book.jobs[JOB], heard, now, after)


def test_it_is_time_once_a_requester_that_owes_is_silent() -> None:
    book = accepted()
    assert not due(book, NOW, NOW + HOUR - 1)
    assert due(book, NOW, NOW + HOUR)
    play(book, vouchered(ANN, 80), vouchered(BOB, 80))
    assert not due(book, NOW, NOW + 9 * HOUR), "vouchers cover all of it"


def test_it_is_not_time_while_somebody_works() -> None:
    book = rendering()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    assert not due(book, NOW, NOW + HOUR), "Bob renders"
    play(book, events.LeaseReturned(NOW, BOB, f"{JOB.hex()}/1/1", "crash", "x"))  # type: ignore[arg-type]
    assert {unit.phase for unit in book.jobs[JOB].units} == {Phase.ACCEPTED, Phase.LEASED}, "Ann renders"
    assert not due(book, NOW, NOW + HOUR)


def test_past_the_deadline_who_is_there_has_to_sign() -> None:
    book = accepted()
    deadline = book.jobs[JOB].order.terms.deadline
    assert not due(book, deadline + HOUR - 1, deadline + HOUR - 1)
    assert due(book, deadline + HOUR, deadline + HOUR)


def test_patience_ends_with_a_window() -> None:
    """Else a root could come when the refund has begun."""
    assert due(accepted(), NOW, NOW + WINDOW, after=100 * WINDOW)


def test_without_an_arbiter_there_is_no_root() -> None:
    book = accepted(an_order())
    assert not due(book, NOW, NOW + 100 * HOUR)
    with pytest.raises(NotAdmitted, match="no arbiter"):
        play(book, decided())


def test_no_voucher_is_signed_beside_a_root() -> None:
    book = accepted()
    play(book, vouchered(ANN, 80), decided())
    with pytest.raises(NotAdmitted, match="last word"):
        play(book, vouchered(BOB, 80))
    assert not due(book, NOW, NOW + 9 * HOUR), "it is decided already"
    with pytest.raises(NotAdmitted, match="one root"):
        play(book, decided())


def test_a_job_that_still_waits_for_workers_is_stopped() -> None:
    book = rendering()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED), events.WorkerLeft(NOW, ANN, "left"))
    play(book, events.WorkerLeft(NOW, BOB, "left"))
    assert due(book, NOW, NOW + HOUR)
    play(book, decided())
    job = book.jobs[JOB]
    assert (job.phase, job.reason) == (JobPhase.CANCELLED, "the requester was not heard from")
    assert [unit.phase for unit in job.units] == [Phase.ACCEPTED, Phase.CANCELLED]


def test_no_root_while_something_is_under_way() -> None:
    book = rendering()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    with pytest.raises(NotAdmitted, match="under way"):
        play(book, decided())


def test_workers_are_told_once_it_is_posted_and_whenever_they_come() -> None:
    book = accepted()
    with pytest.raises(NotAdmitted, match="not decided"):
        play(book, posted())
    play(book, decided())
    commands = play(book, posted())
    assert [c for c in commands if isinstance(c, SendRoot)] == [SendRoot(ANN, JOB), SendRoot(BOB, JOB)]
    assert told(commands, ANN) == [messages.Ended]
    with pytest.raises(NotAdmitted, match="known already"):
        play(book, posted())
    again = play(book, joined(BOB))
    assert SendRoot(BOB, JOB) in again
    assert messages.Ended in told(again, BOB)
    assert not any(isinstance(c, SendRoot) for c in play(book, joined(JUDGE)))


def test_a_rooted_job_closes_with_what_the_root_keeps() -> None:
    book = accepted()
    play(book, decided(), posted())
    with pytest.raises(NotAdmitted):
        play(book, events.JobClosed(NOW + 12, JOB, Wei(159), SIGNATURE))
    play(book, events.JobClosed(NOW + 12, JOB, Wei(170), SIGNATURE))
    job = book.jobs[JOB]
    assert (job.phase, job.closed, book.live) == (JobPhase.CLOSED, 170, {})
    assert SendRoot(ANN, JOB) in play(book, joined(ANN)), "it pays all the same"


def test_after_a_root_that_was_voided_vouchers_count_again() -> None:
    book = accepted()
    with pytest.raises(NotAdmitted, match="no root"):
        play(book, events.RootVoided(NOW, JOB))
    play(book, decided(), posted(), events.RootVoided(NOW + 12, JOB))
    assert told(play(book, vouchered(ANN, 80)), ANN) == [messages.Pay]
    assert due(book, NOW, NOW + HOUR), "and silence, too"
