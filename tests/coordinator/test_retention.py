import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from coordinator.playbook import (
    ANN,
    JOB,
    arbitrated,
    asked,
    called,
    delivered,
    joined,
    lease,
    opened,
    play,
    result,
)
from orders import an_order
from tegula_coordinator import events
from tegula_coordinator.blobs import BlobFolder, BlobsAway
from tegula_coordinator.book import Book, Timing, shelf
from tegula_coordinator.dashboard.previews import Previews
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.partials import Partials
from tegula_coordinator.retention import DAY, PARTIAL_SECONDS, TOLD_SECONDS, Sweeper, Told, over
from tegula_market import codec
from tegula_market.adapters.chain import Account, Status
from tegula_market.digests import digest
from tegula_market.model import Digest, JobId, Order, SceneFile, SceneManifest, Wei

BLEND, STRAY = b"BLENDER", b"nobody ever ordered with this"
MANIFEST = codec.dumps(SceneManifest("scene.blend", (SceneFile("scene.blend", digest(BLEND), len(BLEND)),)))
IMAGE = b"an image"
OTHER = JobId(b"\x0b" * 32)
DAYS = 90.0
ORDER = replace(an_order(manifest=digest(MANIFEST)), terms=arbitrated().terms)
LONG_AGO = 1_000.0


def ends(order: Order = ORDER) -> float:
    return order.terms.deadline + order.terms.grace + order.terms.window


LATE = ends() + DAYS * DAY + 1


@dataclass
class Case:
    folder: Path
    blobs: BlobFolder
    book: Book
    accounts: dict[JobId, Account] = field(default_factory=dict)
    now: float = LATE
    forgotten: list[events.JobForgotten] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = EvidenceFolder(self.folder / "evidence", self.blobs)
        self.previews = Previews(self.folder / "previews", self.blobs)
        self.told = Told(lambda: self.now)
        self.partials = Partials(self.folder / "partial", self.blobs, 10**6)

    def put(self, data: bytes, *, at: float = LONG_AGO) -> None:
        path = self.blobs.path(digest(data))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (at, at))

    def sweep(self) -> None:
        account = self.accounts.__getitem__
        sweeper = Sweeper(
            self.book,
            account,
            self.blobs,
            self.kept,
            self.previews,
            self.told,
            self.partials,
            DAYS,
            self.forgotten.append,
        )
        asyncio.run(sweeper.sweep(self.now))

    def there(self, *data: bytes) -> list[bool]:
        return [self.blobs.has(digest(each)) for each in data]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A job with one tile delivered, and its blobs; all of long ago."""
    book = Book(lambda _order: (2_000_000,), Timing(call_seconds=2, lease_seconds=100))
    made = replace(result(lease(0)), image=digest(IMAGE))
    arrived = delivered(ANN, 0)
    assert isinstance(arrived, events.ResultArrived)
    play(book, joined(ANN), opened(order=ORDER), asked(ANN, 40), called(), replace(arrived, result=made))
    case = Case(tmp_path, BlobFolder(tmp_path / "blobs", 10**6), book)
    case.blobs.begin()
    for data in (BLEND, MANIFEST, IMAGE, STRAY):
        case.put(data)
    (tmp_path / "evidence" / JOB.hex()).mkdir(parents=True)
    return case


def account(status: Status, *, rooted: bool = False, deadline: int = 0) -> Account:
    return Account(Wei(100), Wei(50), status, deadline, rooted)


def test_a_job_that_may_go_on_keeps_all_that_it_needs(case: Case) -> None:
    case.accounts[JOB] = account(Status.OPEN)
    case.sweep()
    assert case.there(BLEND, MANIFEST, IMAGE, STRAY) == [True, True, True, False]
    assert (case.folder / "evidence" / JOB.hex()).exists()


def test_a_closed_job_that_is_put_away_keeps_it_too(case: Case) -> None:
    case.accounts[JOB] = account(Status.OPEN)  # the close was signed and is not on the chain
    shelf.put_away(case.book.jobs[JOB])
    case.sweep()
    assert case.there(BLEND, MANIFEST, IMAGE) == [True] * 3


def test_a_job_that_is_over_leaves_nothing(case: Case) -> None:
    case.accounts[JOB] = account(Status.CLOSED)
    case.sweep()
    assert case.there(BLEND, MANIFEST, IMAGE, STRAY) == [False] * 4
    assert not (case.folder / "evidence" / JOB.hex()).exists()


def test_a_job_that_is_over_is_forgotten_once_it_is_not_live(case: Case) -> None:
    case.accounts[JOB] = account(Status.CLOSED)
    case.sweep()
    assert case.forgotten == []  # the book has not heard of the close yet
    del case.book.live[JOB]
    case.now -= 2
    case.sweep()
    assert case.forgotten == []
    case.now += 2
    case.sweep()
    assert case.forgotten == [events.JobForgotten(case.now, JOB)]
    case.book.jobs[JOB].forgotten = True
    case.accounts = {}  # and the chain is not asked for it any more
    case.sweep()
    assert len(case.forgotten) == 1


@pytest.mark.parametrize(("status", "stays"), [(Status.OPEN, True), (Status.CLOSED, False)])
def test_a_picture_of_a_tile_goes_with_its_job(case: Case, status: Status, stays: bool) -> None:
    case.accounts[JOB] = account(status)
    (folder := case.folder / "previews").mkdir()
    of_the_job, of_nothing = (folder / f"{digest(of).hex()}-0-0-8-8.png" for of in (IMAGE, STRAY))
    of_the_job.touch()
    of_nothing.touch()
    (foreign := folder / "somebody-put-it-here.png").touch()
    case.sweep()
    assert (of_the_job.exists(), of_nothing.exists(), foreign.exists()) == (stays, False, True)


def test_what_two_jobs_share_stays_for_the_other(case: Case) -> None:
    other = opened(order=replace(ORDER, terms=replace(ORDER.terms, salt=b"\x01" * 32)))
    assert isinstance(other, events.JobOpened)
    play(case.book, replace(other, job=OTHER))
    case.accounts = {JOB: account(Status.REFUNDED), OTHER: account(Status.OPEN)}
    case.sweep()
    assert case.there(BLEND, MANIFEST, IMAGE) == [True, True, False]


def test_what_is_young_stays(case: Case) -> None:
    case.accounts[JOB] = account(Status.CLOSED)
    case.put(STRAY, at=case.now - DAYS * DAY + 60)
    case.sweep()
    assert case.there(STRAY) == [True]


def told_of(told: Told, *digests: Digest) -> None:
    with told.telling(digests) as here:
        here.update(digests)


def test_what_is_not_here_is_kept_while_it_is_looked_for_and_then_forgotten() -> None:
    told, made_up = Told(), digest(b"made up")
    with told.telling([digest(STRAY), made_up]) as here:
        assert told.lately(made_up)
        here.add(digest(STRAY))
    assert (told.lately(digest(STRAY)), told.lately(made_up)) == (True, False)
    assert len(told._until) == 1


def test_who_looks_in_vain_makes_nobody_else_s_forgotten() -> None:
    now = 1.0
    told, name = Told(lambda: now), digest(STRAY)
    with told.telling([name]):
        now += 1  # somebody else comes, and is told that it is here
        told_of(told, name)
    assert told.lately(name)
    with told.telling([name]):
        pass
    assert told.lately(name)


def test_what_somebody_was_told_of_stays_for_a_while(case: Case) -> None:
    case.accounts[JOB] = account(Status.CLOSED)
    told_of(case.told, digest(STRAY))
    case.sweep()
    assert case.there(STRAY, BLEND) == [True, False]
    case.now += TOLD_SECONDS + 1
    case.sweep()
    assert case.there(STRAY) == [False]


def test_nothing_goes_while_it_cannot_be_known_what_is_needed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_digests: object) -> object:
        raise BlobsAway("gone")

    case.accounts[JOB] = account(Status.OPEN)
    monkeypatch.setattr(case.blobs, "at_hand", away)
    with pytest.raises(BlobsAway):
        case.sweep()
    assert case.there(BLEND, MANIFEST, IMAGE, STRAY) == [True] * 4


@pytest.mark.parametrize(
    ("held", "now", "says"),
    [
        (account(Status.CLOSED), LATE, True),
        (account(Status.REFUNDED), LATE, True),
        (account(Status.NONE), LATE, True),
        (account(Status.CLOSED), LATE - 2, False),
        (account(Status.OPEN), LATE, False),
        (account(Status.CLOSED, rooted=True), LATE, False),
        (account(Status.REFUNDED, rooted=True), LATE, False),
        (account(Status.CLOSED, deadline=ORDER.terms.deadline + 10), LATE, False),
    ],
    ids=str,
)
def test_a_job_is_over_once_nothing_can_be_disputed(
    case: Case, held: Account, now: float, says: bool
) -> None:
    assert over(case.book.jobs[JOB], held, now, DAYS) is says


def test_an_upload_that_was_cut_off_is_kept_for_a_day(case: Case) -> None:
    case.accounts[JOB] = account(Status.OPEN)

    async def two() -> AsyncIterator[bytes]:
        yield b"ab"

    for sender in (b"ann", b"bob"):
        asyncio.run(case.partials.append(sender, digest(b"abc"), 0, 3, two()))
    old, new = (case.folder / "partial").iterdir()
    os.utime(old, (LATE - PARTIAL_SECONDS - 1, LATE - PARTIAL_SECONDS - 1))
    os.utime(new, (LATE - PARTIAL_SECONDS + 1, LATE - PARTIAL_SECONDS + 1))
    case.sweep()
    assert (old.exists(), new.exists()) == (False, True)
