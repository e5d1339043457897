from hypothesis import given
from hypothesis import strategies as st

from coordinator.book.test_audits import another_verifier
from coordinator.book.test_work import working
from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    PRESENT,
    a_book,
    alarms,
    arbitrated,
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
    posted,
    present,
    probes,
    suspected,
    told,
    vouchered,
)
from tegula_coordinator import events, views
from tegula_coordinator.book import Book, NotAdmitted, step, why
from tegula_coordinator.book.arrivals import AWAY_SECONDS
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.audit import Record
from tegula_market.lifecycle import Phase
from tegula_market.model import Outcome, Wei


def test_after_a_restart_workers_keep_their_leases_if_they_come_back() -> None:
    book = working()
    commands = play(book, events.Restarted(NOW + 10))
    gone = events.WorkerLeft(NOW + 10 + AWAY_SECONDS, ANN, "did not come back")
    assert gone in alarms(commands)
    assert leases(play(book, joined(ANN, at=NOW + 12))) == [(ANN, 0, 80)]  # told again, not given anew
    try:
        step(book, gone)
    except NotAdmitted:
        pass
    else:
        raise AssertionError("a worker that came back was counted as lost")
    assert leases(play(book, delivered(ANN, 0))) == []
    assert book.jobs[JOB].units[0].attempt == 1


def test_after_a_restart_a_worker_that_stays_away_loses_its_lease() -> None:
    book = working()
    play(book, events.Restarted(NOW + 10), joined(BOB, at=NOW + 11), asked(BOB, 40))
    play(book, events.CallEnded(NOW + 13, JOB), delivered(BOB, 1))
    gone = events.WorkerLeft(NOW + 10 + AWAY_SECONDS, ANN, "did not come back")
    assert leases(play(book, gone)) == [(BOB, 0, 80)]


def test_a_verifier_that_comes_back_is_told_its_probes_again() -> None:
    book = working()
    play(book, delivered(ANN, 0), events.Restarted(NOW + 10))
    assert probes(play(book, joined(JUDGE, at=NOW + 11))) == [(JUDGE, 0)]


def test_leases_expire_after_a_restart_too() -> None:
    book = working()
    commands = play(book, events.Restarted(NOW + 10))
    assert {type(e) for e in alarms(commands)} >= {events.LeaseExpired, events.JobCancelled}


def test_a_result_waits_out_an_hour_without_a_coordinator() -> None:
    book, back = working(), NOW + 3600
    expired = [e for e in alarms(play(book, events.Restarted(back))) if isinstance(e, events.LeaseExpired)]
    assert {event.at for event in expired} == {back + AWAY_SECONDS}
    play(book, joined(ANN, at=back + 1), joined(JUDGE, at=back + 1))
    assert probes(play(book, delivered(ANN, 0))) == [(JUDGE, 0)]


steps = st.sampled_from(
    [
        *[joined(w) for w in (ANN, BOB, JUDGE)],
        another_verifier(),
        *[events.WorkerLeft(NOW + 9, w, "silent") for w in (ANN, BOB, JUDGE)],
        opened(order=arbitrated()),
        asked(ANN, 40),
        asked(BOB, 60),
        asked(BOB, 500),
        *[posted(w, price, slots=slots) for w in (ANN, BOB) for price, slots in ((40, 1), (500, 1), (60, 0))],
        called(),
        *[delivered(w, u, a) for w in (ANN, BOB) for u in (0, 1, 2) for a in (1, 2, 3)],
        *[judged(u, o, a) for u in (0, 1, 2) for o in Outcome for a in (1, 2)],
        *[judged(u, o, others=others) for u in (0, 1) for o in Outcome for others in ((1,), (2,), (1, 2))],
        *[suspected(u) for u in (0, 1, 2)],
        *[events.ProbeExpired(NOW + 200, lease(u), PRESENT) for u in (0, 1)],
        *[events.LeaseExpired(NOW + 200, lease(u, a)) for u in (0, 1, 2) for a in (1, 2)],
        *[events.LeaseReturned(NOW + 5, w, lease(u), "crash", "x") for w in (ANN, BOB) for u in (0, 1, 2)],
        *[vouchered(w, total) for w in (ANN, BOB) for total in (80, 120, 240, 360)],
        events.JobCancelled(NOW + 50, JOB, "enough"),
        events.RootDecided(NOW + 55, JOB, "silence"),
        events.RootPosted(NOW + 56, JOB, bytes(32), Wei(80), 2_000),
        events.RootVoided(NOW + 57, JOB),
        events.DepositLost(NOW + 58, JOB),
        events.DepositFound(NOW + 58, JOB),
        events.DepositRefunded(NOW + 59, JOB),
        events.Restarted(NOW + 60),
    ]
)


def assert_every_result_is_somewhere(book: Book) -> None:
    """A delivered result waits for a lot or for a verdict, and its batch for a verifier or at one."""
    job = book.jobs[JOB]
    waiting = [lease for batch in job.held.values() for lease in batch]
    waiting += [lease for batch in job.batches.values() for lease in batch]
    results = [unit.lease for unit in job.units if unit.phase is Phase.DELIVERED]
    assert sorted(waiting) == sorted(results)
    assert sorted((*book.unprobed, *book.probers)) == sorted(job.batches)
    assert set(job.lots) == {lease for batch in job.batches.values() for lease in batch}


@given(st.lists(steps, max_size=60))
def test_any_order_of_events_keeps_the_money_right_and_replays_to_the_same_book(script: list[Event]) -> None:
    book, again, admitted, seen = a_book(3), a_book(3), [], {}
    clock = -1
    for each in (book, again):
        each.records[payout(ANN)] = Record(passed=16)  # her batches hold two tiles
    for played in script:
        event = present(book, played)
        before = views.job(book, book.jobs[JOB], 0) if JOB in book.jobs else None
        try:
            step(book, event)
        except NotAdmitted:
            after = views.job(book, book.jobs[JOB], 0) if JOB in book.jobs else None
            assert after == before
            continue
        admitted.append(event)
        if JOB in book.jobs:
            ledger = book.jobs[JOB].ledger
            assert ledger.total_owed + ledger.total_reserved <= ledger.funded
            assert set(book.jobs[JOB].leases) == set(ledger.reserved)
            assert_every_result_is_somewhere(book)
            changes = views.job(book, book.jobs[JOB], 0, clock)["units"]
            seen |= {unit["unit"]: unit for unit in changes}
            assert [seen[index] for index in sorted(seen)] == views.job(book, book.jobs[JOB], 0)["units"]
            clock = book.jobs[JOB].clock
    for event in admitted:
        step(again, event)
    assert again.jobs == book.jobs
    assert again.workers == book.workers
    assert again.records == book.records
    assert (again.unprobed, again.probers) == (book.unprobed, book.probers)
    assert (again.tried, again.suspected) == (book.tried, book.suspected)


def with_one_leased() -> Book:
    """Ann renders the first tile of two."""
    book = a_book(units=2)
    assert leases(play(book, joined(ANN), opened(), asked(ANN, 40), called())) == [(ANN, 0, 80)]
    return book


def test_a_coordinator_that_drains_leases_and_calls_no_more() -> None:
    book = with_one_leased()
    play(book, joined(BOB), asked(BOB, 140))
    commands = play(book, events.Draining(NOW + 3))
    assert {name for name in (ANN, BOB) if messages.NotTaken in told(commands, name)} == {ANN, BOB}
    assert leases(play(book, delivered(ANN, 0))) == []
    assert leases(play(book, called())) == []
    assert why.unit(book, book.jobs[JOB], 1).code == why.Code.DRAINING
    assert why.worker(book, book.workers[ANN]).code == why.Code.DRAINING
    newcomer = type(ANN)(b"\x07" * 32)
    assert messages.Call not in told(play(book, joined(newcomer)), newcomer)
    assert probes(play(book, joined(JUDGE))) != [], "what was delivered is judged"


def test_after_the_restart_it_goes_on() -> None:
    book = with_one_leased()
    play(book, events.Draining(NOW + 3), delivered(ANN, 0), events.Restarted(NOW + 10))
    assert messages.Call in told(play(book, joined(ANN, at=NOW + 11)), ANN)
    assert leases(play(book, asked(ANN, 40), events.CallEnded(NOW + 14, JOB))) == [(ANN, 1, 80)]
