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
    probes,
    told,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted
from tegula_market import messages
from tegula_market.lifecycle import MAX_INCONCLUSIVE, Phase
from tegula_market.model import Outcome


def working(units: int = 2, *, bob: bool = True) -> Book:
    """Ann renders unit 0 and Bob, if he is there, unit 1; a verifier waits."""
    book = a_book(units)
    play(book, joined(JUDGE), joined(ANN), *([joined(BOB)] if bob else []), opened(), asked(ANN, 40))
    if bob:
        play(book, asked(BOB, 40))
    play(book, called())
    return book


def test_a_result_is_probed_by_the_verifier() -> None:
    assert probes(play(working(), delivered(ANN, 0))) == [(JUDGE, 0)]


def test_results_wait_while_the_verifier_is_busy() -> None:
    book = working()
    play(book, delivered(ANN, 0))
    assert probes(play(book, delivered(BOB, 1))) == []
    assert probes(play(book, judged(0, Outcome.ACCEPTED))) == [(JUDGE, 1)]


def test_an_accepted_tile_is_owed_to_the_unit() -> None:
    book = working()
    commands = play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    assert told(commands, ANN) == [messages.Decided]
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}


def test_a_rejected_tile_goes_to_another_and_its_worker_gets_no_more() -> None:
    book = working(3)
    play(book, delivered(ANN, 0))  # and takes unit 2
    play(book, judged(0, Outcome.REJECTED))
    assert book.jobs[JOB].ledger.owed == {}
    assert "rejected" in book.jobs[JOB].barred[ANN]
    assert leases(play(book, delivered(BOB, 1))) == [(BOB, 0, 80)]


def test_an_inconclusive_verdict_probes_again_and_blames_nobody() -> None:
    book = working()
    commands = play(book, delivered(ANN, 0), judged(0, Outcome.INCONCLUSIVE))
    assert probes(commands) == [(JUDGE, 0)]
    assert ANN not in book.jobs[JOB].barred
    assert book.jobs[JOB].units[0].phase is Phase.DELIVERED


def test_what_no_verifier_can_judge_is_rendered_again() -> None:
    book = working(1, bob=False)
    play(book, delivered(ANN, 0))
    for _ in range(MAX_INCONCLUSIVE - 1):
        play(book, judged(0, Outcome.INCONCLUSIVE))
    commands = play(book, judged(0, Outcome.INCONCLUSIVE))
    assert leases(commands) == [(ANN, 0, 80)]
    assert told(commands, ANN) == [messages.Revoke]  # or it would keep the result for ever
    assert book.jobs[JOB].ledger.total_reserved == 80


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


def test_a_result_counts_once() -> None:
    book = working()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    with pytest.raises(NotAdmitted):
        play(book, judged(0, Outcome.ACCEPTED))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}


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


def test_probes_of_a_lost_verifier_go_to_the_next_that_joins() -> None:
    book = working()
    play(book, delivered(ANN, 0), events.WorkerLeft(NOW + 5, JUDGE, "silent"))
    with pytest.raises(NotAdmitted):
        play(book, judged(0, Outcome.REJECTED))  # the lost one's late word
    assert probes(play(book, joined(JUDGE))) == [(JUDGE, 0)]
