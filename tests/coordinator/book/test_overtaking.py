"""Bob takes a second for a unit; Ann has unit 0 and is late."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.playbook import (
    ANN,
    BOB,
    EVE,
    JOB,
    JUDGE,
    NOW,
    a_book,
    alarms,
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
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted, overtaking, why
from tegula_coordinator.book.arrivals import AWAY_SECONDS
from tegula_coordinator.book.recent import Work
from tegula_coordinator.commands import Command, Tell
from tegula_coordinator.events import Event
from tegula_market import lifecycle, messages
from tegula_market.audit import NEWCOMER, Record
from tegula_market.lifecycle import Phase
from tegula_market.model import Digest, JobId, Outcome, Wei, WorkerId

PRICE = 80
ANOTHER = JobId(b"\x0b" * 32)
LATE = NOW + 5.1
"""When Ann, who has unit 0 since NOW + 2 and usually takes a second, is as late as Bob would take twice."""


def at(event: Event, when: float) -> Event:
    return replace(event, at=when)


def usually(book: Book, worker: WorkerId, seconds: float, results: int = overtaking.KNOWN) -> None:
    for _ in range(results):
        book.workers[worker].shown.note(Work(JOB, "CPU", 2_000_000, seconds, 0.0, 0.0, 0.0, seconds))


def begun(*, anns: float = 1.0) -> Book:
    """Ann, who usually takes so many seconds, has unit 0 and Bob 1; 2 is open."""
    book = a_book(3)
    play(book, joined(JUDGE), joined(ANN), joined(BOB), opened(funded=3 * PRICE))
    usually(book, ANN, anns)
    play(book, asked(ANN, 40), asked(BOB, 40), called())
    return book


def lagging() -> Book:
    """Bob has done units 1 and 2, is paid for them and idle. There is not a unit of money to spare."""
    book = begun()
    play(book, delivered(BOB, 1), judged(1, Outcome.ACCEPTED))
    play(book, at(delivered(BOB, 2), NOW + 4), judged(2, Outcome.ACCEPTED))
    return book


def overtaken() -> Book:
    """Bob has the second lease of unit 0."""
    book = lagging()
    assert leases(play(book, events.JobLags(LATE, JOB))) == [(BOB, 0, PRICE)]
    return book


def revoked(commands: list[Command]) -> list[tuple[WorkerId, str]]:
    return [
        (c.worker, c.message.lease)
        for c in commands
        if isinstance(c, Tell) and isinstance(c.message, messages.Revoke)
    ]


def balanced(book: Book) -> None:
    """Exactly the units that are not finished hold their price, once."""
    job = book.jobs[JOB]
    held = {unit.lease for unit in job.units if unit.phase in {Phase.LEASED, Phase.DELIVERED}}
    assert set(job.ledger.reserved) == held
    assert job.ledger.total_owed + job.ledger.total_reserved <= job.ledger.funded
    assert set(job.leased_at) == set(job.leases) >= held


def lags(commands: list[Command]) -> list[Event]:
    return [event for event in alarms(commands) if isinstance(event, events.JobLags)]


def test_an_alarm_rings_when_an_idle_worker_would_be_sooner_by_enough() -> None:
    book = begun()
    assert lags(play(book, delivered(BOB, 1))) == []  # a unit is open
    play(book, at(judged(1, Outcome.ACCEPTED), NOW + 3.4))
    assert lags(play(book, at(delivered(BOB, 2), NOW + 4.5))) == [events.JobLags(LATE, JOB)]


def test_an_alarm_that_rings_too_early_leases_nothing() -> None:
    book = lagging()
    early = play(book, events.JobLags(LATE - 0.2, JOB))
    assert (leases(early), lags(early)) == ([], [events.JobLags(LATE, JOB)])
    with pytest.raises(NotAdmitted, match="sooner"):
        play(book, events.JobLags(LATE - 0.15, JOB))
    assert book.jobs[JOB].units[0].second is None


def test_a_job_is_looked_at_once_a_second_however_much_happens() -> None:
    book = begun()
    play(book, delivered(BOB, 1), at(judged(1, Outcome.ACCEPTED), NOW + 4))
    once = lags(play(book, at(delivered(BOB, 2), NOW + 4.5)))
    assert once == [events.JobLags(NOW + 5, JOB)]
    assert lags(play(book, at(judged(2, Outcome.ACCEPTED), NOW + 4.6))) == []
    # Bob took 1.5 seconds for his second unit, so that he needs twice 1.25.
    assert [ring.at for ring in lags(play(book, *once))] == [pytest.approx(NOW + 2 + 1 + 2.5 + 0.1)]


@pytest.mark.parametrize(
    ("when", "late"), [(3.0, False), (51.9, False), (52.1, False), (71.9, False), (72.1, True)]
)
def test_a_slow_worker_keeps_its_unit_for_as_long_as_it_usually_takes(when: float, *, late: bool) -> None:
    """Ann was leased her unit at 2 and usually takes 50 seconds; Bob takes 10."""
    book = begun(anns=50.0)
    usually(book, BOB, 10.0)
    (ring,) = lags(play(book, delivered(BOB, 1), delivered(BOB, 2)))
    assert ring.at == pytest.approx(NOW + 72.1)
    if late:
        assert leases(play(book, events.JobLags(NOW + when, JOB))) == [(BOB, 0, PRICE)]
    else:
        with pytest.raises(NotAdmitted):
            play(book, events.JobLags(NOW + when, JOB))


@pytest.mark.parametrize(
    ("results", "anns", "due"), [(0, 0.0, 14.1), (3, 3.0, 14.1), (3, 20.0, 44.1), (4, 3.0, 7.1)]
)
def test_a_worker_that_is_hardly_known_has_longer(results: int, anns: float, due: float) -> None:
    """Bob takes a second: ten times that, or twice what Ann took, and twice a second."""
    book = a_book(3)
    play(book, joined(JUDGE), joined(ANN), joined(BOB), opened())
    usually(book, ANN, anns, results)
    usually(book, BOB, 1.0)
    play(book, asked(ANN, 40), asked(BOB, 40), called())
    (ring,) = lags(play(book, delivered(BOB, 1), delivered(BOB, 2)))
    assert ring.at == pytest.approx(NOW + due)


def test_what_becomes_known_of_a_speed_moves_the_alarm() -> None:
    book = begun()
    (early,) = lags(
        play(book, delivered(BOB, 1), judged(1, Outcome.ACCEPTED), at(delivered(BOB, 2), NOW + 10))
    )
    (later,) = lags(play(book, at(judged(2, Outcome.ACCEPTED), NOW + 11.5)))
    # Bob's second unit took him seven seconds, so that he takes four on average.
    assert (early.at, later.at) == (pytest.approx(NOW + 10.1), pytest.approx(NOW + 11.6))
    assert (book.awaits(early), book.awaits(later)) == (False, True)
    assert leases(play(book, early)) == []
    with pytest.raises(NotAdmitted):
        play(book, at(later, NOW + 2 + 1 + 2 * 4 - 0.1))
    assert leases(play(book, at(later, NOW + 2 + 1 + 2 * 4 + 0.1))) == [(BOB, 0, PRICE)]


def test_of_a_workers_tiles_nine_in_ten_say_what_is_usual() -> None:
    """Ann renders two at a time, of which one is done later; once she stood still."""
    book = begun()
    usually(book, ANN, 2.0, 10)
    usually(book, ANN, 100.0, 1)
    usually(book, BOB, 1.0)
    (ring,) = lags(play(book, delivered(BOB, 1), delivered(BOB, 2)))
    assert ring.at == pytest.approx(NOW + 2 + 2 + 2 + 0.1)


def test_a_second_lease_stands_on_the_reserve_of_the_first() -> None:
    book = overtaken()
    job = book.jobs[JOB]
    assert job.ledger.reserved == {lease(0): PRICE}
    assert set(job.leases) == {lease(0), lease(0, 2)}
    assert why.unit(book, job, 0).sentence.startswith("Two workers")
    balanced(book)


def test_a_unit_is_not_leased_a_third_time() -> None:
    book = overtaken()
    play(book, joined(EVE), asked(EVE, 40), at(called(), NOW + 6))
    with pytest.raises(NotAdmitted):
        play(book, events.JobLags(NOW + 60, JOB))


def test_who_is_right_first_is_paid_and_the_other_is_told_at_once() -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6))
    balanced(book)
    commands = play(book, at(judged(0, Outcome.ACCEPTED, attempt=2), NOW + 7))
    job = book.jobs[JOB]
    assert revoked(commands) == [(ANN, lease(0))]
    assert job.phase is JobPhase.DONE
    assert job.ledger.owed == {payout(BOB): 3 * PRICE}
    assert (job.leases, book.workers[ANN].leases, job.last[0].worker) == ({}, set(), BOB)
    balanced(book)
    with pytest.raises(NotAdmitted, match="ended"):
        play(book, at(delivered(ANN, 0), NOW + 8))
    with pytest.raises(NotAdmitted, match="ended"):
        play(book, events.LeaseExpired(NOW + 102, lease(0)))


def test_the_first_worker_is_paid_if_it_is_right_before_the_second() -> None:
    book = overtaken()
    play(book, at(delivered(ANN, 0), NOW + 5.5))
    commands = play(book, at(judged(0, Outcome.ACCEPTED), NOW + 6))
    assert revoked(commands) == [(BOB, lease(0, 2))]
    assert book.jobs[JOB].ledger.owed == {payout(BOB): 2 * PRICE, payout(ANN): PRICE}
    assert book.reputation(payout(BOB)).timeliness.bad == 0.0  # it was as fast as it is
    balanced(book)


def test_a_second_result_waits_and_is_not_paid_beside_the_first() -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6))
    assert probes(play(book, at(delivered(ANN, 0), NOW + 6.5))) == []
    assert book.workers[ANN].leases == set()
    with pytest.raises(NotAdmitted):
        play(book, at(delivered(ANN, 0), NOW + 6.6))
    with pytest.raises(NotAdmitted):
        play(book, events.LeaseExpired(NOW + 102, lease(0)))
    commands = play(book, at(judged(0, Outcome.ACCEPTED, attempt=2), NOW + 7))
    assert revoked(commands) == [(ANN, lease(0))]
    assert book.jobs[JOB].ledger.owed == {payout(BOB): 3 * PRICE}
    timely = book.reputation(payout(ANN)).timeliness
    assert (timely.good, timely.bad) == (1.0, 0.0)
    balanced(book)


@pytest.mark.parametrize("waits", [True, False])
def test_if_the_first_result_is_wrong_the_other_lease_counts(*, waits: bool) -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6))
    anns = at(delivered(ANN, 0), NOW + 6.5)
    if waits:
        play(book, anns)
    commands = play(book, at(judged(0, Outcome.REJECTED, attempt=2), NOW + 7))
    balanced(book)
    assert leases(commands) == []
    assert probes(commands if waits else play(book, anns)) == [(JUDGE, 0)]
    play(book, at(judged(0, Outcome.ACCEPTED), NOW + 8))
    assert book.jobs[JOB].ledger.owed == {payout(BOB): 2 * PRICE, payout(ANN): PRICE}
    balanced(book)


def test_if_nobody_can_judge_the_first_result_the_other_one_counts() -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6), at(delivered(ANN, 0), NOW + 6.5))
    for _ in range(3):
        commands = play(book, at(judged(0, Outcome.INCONCLUSIVE, attempt=2), NOW + 7))
    assert revoked(commands) == [(BOB, lease(0, 2))]
    balanced(book)
    play(book, at(judged(0, Outcome.ACCEPTED), NOW + 8))
    assert book.jobs[JOB].phase is JobPhase.DONE


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (events.WorkerLeft(NOW + 6, ANN, "silent"), BOB),
        (events.LeaseExpired(NOW + 102, lease(0)), BOB),
        (events.LeaseReturned(NOW + 6, BOB, lease(0, 2), "CRASHED", "it crashed"), ANN),
        (events.WorkerLeft(NOW + 6, BOB, "silent"), ANN),
    ],
)
def test_if_one_lease_ends_the_other_goes_on(gone: Event, left: WorkerId) -> None:
    book = overtaken()
    assert leases(play(book, gone)) == []
    balanced(book)
    attempt = 2 if left == BOB else 1
    play(book, at(delivered(left, 0, attempt=attempt), NOW + 103))
    play(book, at(judged(0, Outcome.ACCEPTED, attempt=attempt), NOW + 104))
    assert book.jobs[JOB].phase is JobPhase.DONE
    balanced(book)


def test_a_second_lease_that_is_given_back_ends_no_job_whose_unit_is_delivered() -> None:
    """Nobody else is left who could render it, and nobody has to."""
    book = overtaken()
    gone = at(delivered(ANN, 0), NOW + 6), events.WorkerLeft(NOW + 7, ANN, "left")
    play(book, *gone, events.LeaseReturned(NOW + 8, BOB, lease(0, 2), "CRASHED", "it crashed"))
    assert book.jobs[JOB].phase is JobPhase.OPEN
    play(book, at(judged(0, Outcome.ACCEPTED), NOW + 9))
    assert book.jobs[JOB].phase is JobPhase.DONE
    balanced(book)


def test_a_slot_that_another_job_has_freed_is_thought_of() -> None:
    book = lagging()
    ask = asked(BOB, 40)
    assert isinstance(ask, events.AskArrived)
    play(book, replace(opened(funded=3 * PRICE), job=ANOTHER))  # type: ignore[call-arg]
    taken = play(book, replace(ask, ask=replace(ask.ask, job=ANOTHER)), events.CallEnded(NOW + 5, ANOTHER))
    assert [worker for worker, _, _ in leases(taken)] == [BOB]
    with pytest.raises(NotAdmitted, match="sooner"):
        play(book, events.JobLags(LATE, JOB))
    freed = play(book, events.JobCancelled(NOW + 9, ANOTHER, "enough"))
    assert [event.job for event in lags(freed)] == [JOB]


def test_both_are_stopped_when_the_job_is_cancelled() -> None:
    book = overtaken()
    commands = play(book, events.JobCancelled(NOW + 6, JOB, "enough"))
    assert set(revoked(commands)) == {(ANN, lease(0)), (BOB, lease(0, 2))}
    assert book.jobs[JOB].ledger.reserved == {}
    assert book.jobs[JOB].leases == {}


def test_when_a_job_is_cancelled_what_is_delivered_is_judged_and_what_waits_behind_it_too() -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6), at(delivered(ANN, 0), NOW + 6.5))
    assert revoked(play(book, events.JobCancelled(NOW + 7, JOB, "enough"))) == []
    assert probes(play(book, at(judged(0, Outcome.REJECTED, attempt=2), NOW + 8))) == [(JUDGE, 0)]
    play(book, at(judged(0, Outcome.ACCEPTED), NOW + 9))
    assert book.jobs[JOB].ledger.owed == {payout(BOB): 2 * PRICE, payout(ANN): PRICE}
    assert book.jobs[JOB].leases == {}


def test_a_second_lease_beside_a_delivered_result_is_stopped_with_the_job() -> None:
    book = overtaken()
    play(book, at(delivered(BOB, 0, attempt=2), NOW + 6))
    assert revoked(play(book, events.JobCancelled(NOW + 7, JOB, "enough"))) == [(ANN, lease(0))]
    balanced(book)


def test_the_rest_of_a_wrong_batch_is_not_forfeit_where_somebody_else_renders_it() -> None:
    """Bob's batches are of two; one of them has the unit that Ann is late with, since another one is open."""
    book = a_book(4)
    play(book, joined(JUDGE), joined(ANN), joined(BOB, slots=4), opened())
    book.records[payout(BOB)] = Record(passed=NEWCOMER)
    usually(book, ANN, 1.0)
    usually(book, BOB, 1.0)
    play(book, asked(ANN, 40), asked(BOB, 40, slots=4), called())
    assert leases(play(book, events.JobLags(NOW + 6, JOB))) == [(BOB, 0, PRICE)]
    play(book, events.LeaseReturned(NOW + 6, BOB, lease(3), "CRASHED", "it crashed"), delivered(BOB, 1))
    second = replace(delivered(BOB, 0, attempt=2), at=NOW + 7, lot=Digest(b"\x09" * 32))  # type: ignore[call-arg]
    assert probes(play(book, second)) == [(JUDGE, 1)]
    assert book.jobs[JOB].batches == {lease(1): (lease(1), lease(0, 2))}
    commands = play(book, at(judged(1, Outcome.REJECTED), NOW + 8))
    assert revoked(commands) == [(BOB, lease(0, 2))]
    assert book.jobs[JOB].forfeits == set()
    balanced(book)
    play(book, at(delivered(ANN, 0), NOW + 9), at(judged(0, Outcome.ACCEPTED), NOW + 10))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): PRICE}


def test_who_takes_beyond_its_usual_time_is_less_timely_by_that() -> None:
    book = overtaken()
    play(
        book, at(delivered(BOB, 0, attempt=2), NOW + 6), at(judged(0, Outcome.ACCEPTED, attempt=2), NOW + 12)
    )
    # Of the hundred seconds of her lease Ann had it for ten, and she usually takes one.
    assert book.reputation(payout(ANN)).timeliness.bad == pytest.approx(0.09)
    assert book.jobs[JOB].expired == {}


def test_whoever_asks_more_than_the_lease_pays_is_not_given_it() -> None:
    book = lagging()
    job = book.jobs[JOB]
    job.taken[BOB] = replace(job.taken[BOB], price=Wei(41))
    with pytest.raises(NotAdmitted):
        play(book, events.JobLags(LATE, JOB))


def test_nobody_overtakes_what_it_could_not_render_itself() -> None:
    book = lagging()
    book.jobs[JOB].returned[BOB] = {0}
    with pytest.raises(NotAdmitted):
        play(book, events.JobLags(LATE, JOB))


def test_a_lease_that_runs_out_before_somebody_else_could_be_done_is_waited_for() -> None:
    book = lagging()
    with pytest.raises(NotAdmitted):
        play(book, events.JobLags(NOW + 101, JOB))


def test_after_a_restart_it_is_looked_at_again() -> None:
    book = lagging()
    commands = play(book, events.Restarted(NOW + 50))
    assert lags(commands) == [events.JobLags(NOW + 50 + AWAY_SECONDS, JOB)]


def test_an_older_log_gives_no_second_lease() -> None:
    """Whoever wrote it knew none: all of it follows from an event that it does not have."""
    book = lagging()
    play(book, at(delivered(ANN, 0), NOW + 90), at(judged(0, Outcome.ACCEPTED), NOW + 91))
    assert book.jobs[JOB].units[0].attempt == 1
    assert book.jobs[JOB].phase is JobPhase.DONE


HAPPENING = st.sampled_from(
    [
        delivered(ANN, 0),
        delivered(BOB, 0, attempt=2),
        *(judged(0, outcome, attempt) for outcome in Outcome for attempt in (1, 2)),
        *(events.LeaseExpired(NOW + 102, lease(0, attempt)) for attempt in (1, 2)),
        events.WorkerLeft(NOW + 6, ANN, "silent"),
        events.WorkerLeft(NOW + 6, BOB, "silent"),
        events.LeaseReturned(NOW + 6, BOB, lease(0, 2), "CRASHED", "it crashed"),
        events.JobCancelled(NOW + 6, JOB, "enough"),
        events.Restarted(NOW + 6),
        joined(ANN),
        called(),
        events.JobLags(NOW + 60, JOB),
    ]
)


@given(st.lists(HAPPENING, max_size=10))
def test_in_any_order_a_unit_is_paid_once_and_reserved_once(happenings: list[Event]) -> None:
    book = overtaken()
    job = book.jobs[JOB]
    for when, event in enumerate(happenings):
        with suppress(NotAdmitted):
            play(book, at(event, max(event.at, NOW + 6 + when)))
        balanced(book)
        accepted = [unit.phase for unit in job.units].count(Phase.ACCEPTED)
        assert job.ledger.total_owed == PRICE * accepted
        assert all(lease_id in job.leases for lease_id in job.waiting)
        if job.phase is not JobPhase.OPEN and all(u.phase in lifecycle.FINISHED for u in job.units):
            assert (job.leases, job.waiting, job.ledger.reserved) == ({}, {}, {})
            assert not book.workers[ANN].leases | book.workers[BOB].leases
