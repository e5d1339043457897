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
    lease,
    leases,
    opened,
    payout,
    play,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted
from tegula_market.model import Outcome


def working(units: int = 2, *, bob: bool = True) -> Book:
    """Ann renders unit 0 and Bob, if he is there, unit 1; a verifier waits."""
    book = a_book(units)
    play(book, joined(JUDGE), joined(ANN), *([joined(BOB)] if bob else []), opened(), asked(ANN, 40))
    if bob:
        play(book, asked(BOB, 40))
    play(book, called())
    return book


def test_a_lost_worker_loses_its_lease_to_another() -> None:
    book = working()
    play(book, delivered(BOB, 1))
    commands = play(book, events.WorkerLeft(NOW + 20, ANN, "silent"))
    assert leases(commands) == [(BOB, 0, 80)]


def test_a_result_of_an_ended_lease_is_refused() -> None:
    book = working()
    play(book, events.LeaseExpired(NOW + 100, lease(0)))
    with pytest.raises(NotAdmitted):
        play(book, delivered(ANN, 0))


def test_nobody_delivers_on_anothers_lease() -> None:
    with pytest.raises(NotAdmitted):
        play(working(), delivered(BOB, 0))


def test_a_returned_tile_goes_to_another() -> None:
    book = working(3)
    returned = events.LeaseReturned(NOW + 3, ANN, lease(0), "crash", "Blender crashed")
    assert leases(play(book, returned)) == [(ANN, 2, 80)]
    assert leases(play(book, delivered(BOB, 1))) == [(BOB, 0, 80)]


def test_a_tile_that_nobody_can_render_fails_the_job_with_the_reason() -> None:
    book = working()
    play(book, events.LeaseReturned(NOW + 3, ANN, lease(0), "crash", "Blender crashed"))
    play(book, delivered(BOB, 1))
    play(book, events.LeaseReturned(NOW + 4, BOB, lease(0, 2), "crash", "Blender crashed"))
    job = book.jobs[JOB]
    assert job.phase is JobPhase.FAILED
    assert "Blender crashed" in job.reason
    play(book, judged(1, Outcome.ACCEPTED))  # what was delivered is still paid
    assert job.ledger.owed == {payout(BOB): 80}
