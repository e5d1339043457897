"""Batches and verifiers: what is probed, by whom, and when."""

from dataclasses import replace

import pytest

from coordinator.book.test_work import working
from coordinator.playbook import (
    ANN,
    BOB,
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
    present,
    probes,
    suspected,
    told,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, NotAdmitted
from tegula_coordinator.book.audits import OUTSTANDING, PROBE_LEASES
from tegula_coordinator.commands import SendProbe
from tegula_coordinator.events import Event
from tegula_market import audit, messages
from tegula_market.audit import Record
from tegula_market.lifecycle import MAX_INCONCLUSIVE, Phase
from tegula_market.model import Outcome, WorkerId, lease_parts

OTHER = WorkerId(b"\x08" * 32)


def another_verifier() -> Event:
    return replace(joined(OTHER), verifier=True)  # type: ignore[type-var]


def trusted(units: int, batch: int) -> Book:
    """Ann alone, with two slots, and a record that earns her batches of that size."""
    book = a_book(units)
    book.records[payout(ANN)] = Record(passed=(batch - 1) * audit.NEWCOMER)
    assert audit.batch_size(book.records[payout(ANN)]) == batch
    play(book, joined(JUDGE), joined(ANN, slots=2), opened(), asked(ANN, 40, slots=2), called())
    return book


def test_a_result_is_probed_by_the_verifier() -> None:
    assert probes(play(working(), delivered(ANN, 0))) == [(JUDGE, 0)]


def test_results_wait_while_the_verifier_is_busy() -> None:
    book = working()
    play(book, delivered(ANN, 0))
    assert probes(play(book, delivered(BOB, 1))) == []
    assert probes(play(book, judged(0, Outcome.ACCEPTED))) == [(JUDGE, 1)]


def test_a_batch_waits_until_it_is_full_and_its_lowest_lot_is_probed() -> None:
    book = trusted(6, batch=3)
    assert probes(play(book, delivered(ANN, 1))) == []
    assert probes(play(book, delivered(ANN, 2))) == []
    commands = play(book, delivered(ANN, 0))
    assert probes(commands) == [(JUDGE, 0)]
    (probe,) = (c for c in commands if isinstance(c, SendProbe))
    assert {result.lease for result in probe.batch} == {lease(0), lease(1), lease(2)}
    assert not probe.whole


def test_a_batch_that_will_not_grow_is_probed_as_it_is() -> None:
    book = trusted(3, batch=4)
    assert probes(play(book, delivered(ANN, 0), delivered(ANN, 1))) == [], "she renders one more"
    assert len(probes(play(book, delivered(ANN, 2)))) == 1, "no open tile is left"


def test_a_batch_does_not_wait_for_a_lease_that_came_to_nothing() -> None:
    book = trusted(2, batch=4)
    play(book, joined(BOB), delivered(ANN, 0))
    returned = events.LeaseReturned(NOW + 3, ANN, lease(1), "crash", "a driver")
    assert probes(play(book, returned)) == [], "the unit is open again"
    assert probes(play(book, events.WorkerLeft(NOW + 9, ANN, "silent"))) == [(JUDGE, 0)]


def test_all_workers_of_an_address_fill_one_batch() -> None:
    book = a_book(4)
    book.records[payout(ANN)] = Record(passed=audit.NEWCOMER)  # two tiles
    bobs = replace(joined(BOB), payout=payout(ANN))  # type: ignore[call-arg]
    play(book, joined(JUDGE), joined(ANN), bobs, opened(), asked(ANN, 40), asked(BOB, 40), called())
    assert probes(play(book, delivered(ANN, 0))) == []
    commands = play(book, delivered(BOB, 1))
    (probe,) = (c for c in commands if isinstance(c, SendProbe))
    assert {result.lease for result in probe.batch} == {lease(0), lease(1)}
    drawn, other = probe.unit, 1 - probe.unit
    verdicts = play(book, judged(drawn, Outcome.ACCEPTED, others=(other,)))
    assert messages.Decided in told(verdicts, ANN)
    assert messages.Decided in told(verdicts, BOB)
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 160}


def test_of_a_rejected_batch_the_address_is_barred_with_all_its_workers() -> None:
    book = a_book(4)
    book.records[payout(ANN)] = Record(passed=audit.NEWCOMER)
    bobs = replace(joined(BOB), payout=payout(ANN))  # type: ignore[call-arg]
    play(book, joined(JUDGE), joined(ANN), bobs, opened(), asked(ANN, 40), asked(BOB, 40), called())
    commands = play(book, delivered(ANN, 0), delivered(BOB, 1))
    (probe,) = (c for c in commands if isinstance(c, SendProbe))
    after = play(book, judged(probe.unit, Outcome.REJECTED))
    assert leases(after) == []
    assert probes(after) == [(JUDGE, 1 - probe.unit)], "what is left of the batch is looked at by itself"
    assert lease(1 - probe.unit) in book.jobs[JOB].forfeits
    assert book.jobs[JOB].taken == {}


def test_a_batch_of_a_worker_that_leaves_is_probed() -> None:
    book = trusted(6, batch=3)
    play(book, delivered(ANN, 0))
    assert probes(play(book, events.WorkerLeft(NOW + 9, ANN, "silent"))) == [(JUDGE, 0)]


def test_a_batch_of_a_cancelled_job_is_probed() -> None:
    book = trusted(6, batch=3)
    play(book, delivered(ANN, 1))
    assert probes(play(book, events.JobCancelled(NOW + 4, JOB, "enough"))) == [(JUDGE, 1)]


def test_a_suspected_tile_is_rendered_again_whole_by_another_verifier() -> None:
    book = working()
    play(book, another_verifier(), delivered(ANN, 0))
    commands = play(book, suspected(0))
    assert [(c.verifier, c.whole) for c in commands if isinstance(c, SendProbe)] == [(OTHER, True)]
    assert book.jobs[JOB].units[0].phase is Phase.DELIVERED
    assert payout(ANN) not in book.jobs[JOB].barred


def test_a_suspected_tile_waits_for_a_verifier_that_is_only_busy() -> None:
    book = working()
    play(book, delivered(ANN, 0), another_verifier())
    play(book, delivered(BOB, 1))  # keeps the other one busy
    assert probes(play(book, suspected(0))) == []
    commands = play(book, judged(1, Outcome.ACCEPTED))
    assert probes(commands) == [(OTHER, 0)]


def test_where_there_is_one_verifier_it_looks_twice() -> None:
    book = working()
    play(book, delivered(ANN, 0))
    assert probes(play(book, suspected(0))) == [(JUDGE, 0)]


def test_a_verifier_that_takes_too_long_loses_the_probe_and_nobody_is_blamed() -> None:
    book = working()
    commands = play(book, another_verifier(), delivered(ANN, 0))
    (late,) = (e for e in alarms(commands) if isinstance(e, events.ProbeExpired))
    assert late.at == NOW + 3 + PROBE_LEASES * book.timing.lease_seconds
    commands = play(book, late)
    assert told(commands, JUDGE) == [messages.Revoke]
    assert probes(commands) == [(OTHER, 0)]
    assert payout(ANN) not in book.jobs[JOB].barred
    assert not book.workers[JUDGE].probes


def test_probes_expire_after_a_restart_too() -> None:
    book = working()
    play(book, delivered(ANN, 0))
    assert events.ProbeExpired in {type(e) for e in alarms(play(book, events.Restarted(NOW + 10)))}
    assert events.ProbeExpired(NOW + 10 + PROBE_LEASES * book.timing.lease_seconds, lease(0), 1) in alarms(
        play(book, events.Restarted(NOW + 10))
    )


@pytest.mark.parametrize("slots", [1, 64])
def test_a_stranger_is_not_leased_a_job_before_its_first_verdict(slots: int) -> None:
    book = a_book(90)
    play(book, joined(ANN, slots=slots), opened(funded=10_000), asked(ANN, 40, slots=slots), called())
    for unit in range(OUTSTANDING):  # no verifier is there
        assert unit in leases_of(book)
        play(book, delivered(ANN, unit))
    assert leases_of(book) == set()
    assert probes(play(book, joined(JUDGE))) == [(JUDGE, 0)]
    assert leases(play(book, judged(0, Outcome.ACCEPTED))) == [(ANN, OUTSTANDING, 80)], "a verdict makes room"


def leases_of(book: Book) -> set[int]:
    return {lease_parts(lease)[1] for lease in book.workers[ANN].leases}


def test_a_batch_of_a_worker_that_gets_no_more_work_is_probed() -> None:
    book = trusted(9, batch=5)
    play(book, delivered(ANN, 0))
    book.jobs[JOB].taken.pop(ANN)  # outbid; units 1 and 2 are still hers
    assert probes(play(book, delivered(ANN, 1))) == []
    assert probes(play(book, delivered(ANN, 2))) == [(JUDGE, 0)]


def test_a_verifier_with_another_blender_is_not_asked() -> None:
    book = working()
    play(book, events.WorkerLeft(NOW, JUDGE, "left"))
    play(book, replace(joined(OTHER, blender="5.0.1"), verifier=True))  # type: ignore[type-var]
    assert probes(play(book, delivered(ANN, 0))) == []
    assert probes(play(book, joined(JUDGE))) == [(JUDGE, 0)]


def test_who_suspects_does_not_confirm_while_another_is_there() -> None:
    """Not even if the other one has failed on that tile before."""
    book = working()
    play(book, another_verifier(), delivered(ANN, 0))
    assert book.probers[lease(0)].verifier == JUDGE
    play(book, judged(0, Outcome.INCONCLUSIVE))
    assert book.probers[lease(0)].verifier == OTHER
    play(book, suspected(0))
    assert book.probers[lease(0)].verifier == JUDGE
    play(book, judged(0, Outcome.INCONCLUSIVE))
    assert lease(0) not in book.probers or book.probers[lease(0)].verifier == JUDGE


def test_what_a_verifier_found_is_not_taken_for_anothers_finding() -> None:
    book = working()
    play(book, another_verifier(), delivered(ANN, 0))
    late = events.Suspected(NOW + 200, lease(0), book.probers[lease(0)].number, 9.0, 2.0, "odd")
    play(book, events.ProbeExpired(NOW + 103, lease(0), late.probe))
    with pytest.raises(NotAdmitted):
        play(book, late)
    assert lease(0) not in book.suspected


def test_a_tile_that_kills_verifiers_does_not_go_round_for_ever() -> None:
    book = working(1, bob=False)
    play(book, delivered(ANN, 0))
    for _ in range(MAX_INCONCLUSIVE):
        assert lease(0) in book.probers
        play(book, events.WorkerLeft(NOW + 9, JUDGE, "silent"), joined(JUDGE))
    assert lease(0) not in book.probers
    assert payout(ANN) not in book.jobs[JOB].barred


def test_the_first_tile_of_another_device_is_rendered_whole_and_shows_how_far_a_job_strays() -> None:
    book = working()
    book.workers[JUDGE].device = "CPU of another kind"
    commands = play(book, delivered(ANN, 0))
    assert [(c.whole, c.strayed) for c in commands if isinstance(c, SendProbe)] == [(True, ())]
    told = replace(present(book, judged(0, Outcome.ACCEPTED)), strayed=(0.9, 0.1, 0.0, 0.0, 0.0))  # type: ignore[type-var]
    play(book, told)
    commands = play(book, delivered(BOB, 1))
    assert [(c.whole, c.strayed) for c in commands if isinstance(c, SendProbe)] == [(False, told.strayed)]
    more = replace(present(book, judged(1, Outcome.ACCEPTED)), strayed=(0.8, 0.2, 0.0, 0.0, 0.0))  # type: ignore[type-var]
    play(book, more)
    assert book.jobs[JOB].strayed == (0.9, 0.2, 0.0, 0.0, 0.0)
