import pytest

from coordinator.book.test_work import working
from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    SIGNATURE,
    delivered,
    joined,
    judged,
    payout,
    play,
    told,
    vouchered,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted
from tegula_market import messages
from tegula_market.lifecycle import Phase
from tegula_market.model import Outcome, Wei


def finished() -> Book:
    book = working()
    play(book, delivered(ANN, 0), delivered(BOB, 1))
    play(book, judged(0, Outcome.ACCEPTED), judged(1, Outcome.ACCEPTED))
    return book


def closed(owed: int) -> events.JobClosed:
    return events.JobClosed(NOW + 9, JOB, Wei(owed), SIGNATURE)


def test_a_voucher_reaches_its_worker() -> None:
    assert told(play(finished(), vouchered(ANN, 80)), ANN) == [messages.Pay]


@pytest.mark.parametrize("total", [81, 10**6])
def test_no_voucher_above_what_is_owed(total: int) -> None:
    with pytest.raises(NotAdmitted, match="owed less"):
        play(finished(), vouchered(ANN, total))


def test_a_voucher_never_goes_back() -> None:
    with pytest.raises(NotAdmitted, match="already"):
        play(finished(), vouchered(ANN, 80), vouchered(ANN, 79))


def test_a_job_closes_when_all_that_is_owed_is_vouchered() -> None:
    book = finished()
    assert book.jobs[JOB].phase is JobPhase.DONE
    with pytest.raises(NotAdmitted):
        play(book, vouchered(ANN, 80), closed(160))
    commands = play(book, vouchered(BOB, 80), closed(160))
    assert told(commands, ANN) == [messages.Ended]
    assert book.jobs[JOB].phase is JobPhase.CLOSED
    assert not book.live


@pytest.mark.parametrize("owed", [159, 161])
def test_a_job_closes_at_what_is_owed_only(owed: int) -> None:
    with pytest.raises(NotAdmitted):
        play(finished(), vouchered(ANN, 80), vouchered(BOB, 80), closed(owed))


def test_cancelling_ends_leases_and_still_judges_what_is_delivered() -> None:
    book = working(4)
    play(book, delivered(ANN, 0))
    commands = play(book, events.JobCancelled(NOW + 4, JOB, "enough"))
    assert told(commands, BOB) == [messages.Revoke]
    phases = [unit.phase for unit in book.jobs[JOB].units]
    assert phases == [Phase.DELIVERED, Phase.CANCELLED, Phase.CANCELLED, Phase.CANCELLED]
    play(book, judged(0, Outcome.ACCEPTED), vouchered(ANN, 80), closed(80))
    assert book.jobs[JOB].ledger.total_reserved == 0


def test_a_rejected_tile_of_a_cancelled_job_is_not_leased_again() -> None:
    book = working(1, bob=False)
    play(book, delivered(ANN, 0), events.JobCancelled(NOW + 4, JOB, "enough"))
    assert play(book, judged(0, Outcome.REJECTED))[-1:] != []
    assert book.jobs[JOB].units[0].phase is Phase.CANCELLED


def test_a_worker_that_comes_back_gets_its_voucher_again() -> None:
    book = finished()
    play(book, vouchered(ANN, 80), vouchered(BOB, 80), closed(160))
    assert told(play(book, joined(ANN)), ANN) == [messages.Pay, messages.Ended]


def test_the_verifier_is_paid_nothing() -> None:
    assert payout(JUDGE) not in finished().jobs[JOB].ledger.owed
