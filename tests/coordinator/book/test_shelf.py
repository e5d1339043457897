from copy import deepcopy

from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    SIGNATURE,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    lease,
    opened,
    play,
    vouchered,
)
from tegula_coordinator import events, views
from tegula_coordinator.book import Book, shelf
from tegula_market.messages import Decided, Revoke
from tegula_market.model import Outcome, Wei

UNITS = 100


def finished() -> Book:
    book = a_book(UNITS)
    play(book, joined(ANN, slots=4), joined(BOB), joined(JUDGE, slots=4), opened(funded=80 * UNITS))
    play(book, asked(ANN, 40, slots=4), called())
    while book.jobs[JOB].leases:
        for each in sorted(book.jobs[JOB].leases.values(), key=lambda each: each.unit):
            if each.id in book.workers[ANN].leases:
                play(book, delivered(ANN, each.unit))
        for audited in list(book.probers):
            batch = [of.rpartition("/")[0].rpartition("/")[2] for of in book.jobs[JOB].batches[audited]]
            unit = int(audited.split("/")[1])
            others = tuple(int(each) for each in batch if int(each) != unit)
            play(book, judged(unit, Outcome.ACCEPTED, others=others))
    play(book, vouchered(ANN, 80 * UNITS))
    return book


CLOSED = events.JobClosed(NOW + 6, JOB, Wei(80 * UNITS), SIGNATURE)


def put_away(book: Book) -> None:
    play(book, CLOSED)
    shelf.put_away(book.jobs[JOB])


def test_a_closed_job_shows_all_that_it_had() -> None:
    book = finished()
    before = views.job(book, deepcopy(book.jobs[JOB]), seq=0)
    put_away(book)
    job = book.jobs[JOB]
    assert job.away is not None
    assert (job.units, job.verdicts, job.results) == ([], {}, {})
    after = views.job(book, shelf.whole(job), seq=0)
    assert {**after, "phase": "", "reason": ""} == {**before, "phase": "", "reason": ""}
    assert len(after["units"]) == UNITS
    assert job.away is not None, "it stays where it is"


def test_a_worker_that_missed_a_verdict_hears_it_after_the_end() -> None:
    book = finished()
    before = [book.answer_to(ANN, lease(unit)) for unit in range(UNITS)]
    put_away(book)
    assert all(isinstance(answer, Decided) for answer in before)
    assert [book.answer_to(ANN, lease(unit)) for unit in range(UNITS)] == before


def test_a_lease_that_never_was_is_nobodys_after_the_end_either() -> None:
    book = finished()
    put_away(book)
    for unit, attempt in ((7, 2), (UNITS, 1), (1000 * UNITS, 1)):
        assert isinstance(book.answer_to(ANN, lease(unit, attempt)), Revoke)


def test_a_unit_of_a_closed_job_takes_little_room() -> None:
    book = finished()
    put_away(book)
    away = book.jobs[JOB].away
    assert away is not None
    assert len(away.fields) + sum(map(len, away.verdicts)) < 200 * UNITS


def test_an_open_job_is_not_copied() -> None:
    job = finished().jobs[JOB]
    assert shelf.whole(job) is job


def test_until_all_is_packed_nothing_has_changed() -> None:
    book, other = finished(), finished()
    play(book, CLOSED)
    put_away(other)
    job = book.jobs[JOB]
    before = deepcopy(job)
    steps = [job == before for _ in shelf.putting_away(job)]
    assert len(steps) > 2 * UNITS // shelf.TOGETHER
    assert all(steps)
    assert job == other.jobs[JOB]


def test_what_is_forgotten_meanwhile_is_not_kept() -> None:
    book = finished()
    play(book, CLOSED)
    steps = shelf.putting_away(book.jobs[JOB])
    next(steps)
    play(book, events.JobForgotten(NOW + 7, JOB))
    before = deepcopy(book.jobs[JOB])
    assert len(list(steps)) > 1
    assert book.jobs[JOB] == before


def test_packed_twice_it_is_what_it_was() -> None:
    book = finished()
    put_away(book)
    before = deepcopy(book.jobs[JOB])
    shelf.put_away(book.jobs[JOB])
    assert book.jobs[JOB] == before
