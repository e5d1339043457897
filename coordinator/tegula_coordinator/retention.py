"""Throws away what no living job, dispute or claim can need any more: blobs, evidence, pictures of tiles, and
what the book knows of the tiles.

Vouchers and roots stay, and what they are claimed by. So do blobs that anybody was told of lately: whoever
asks what is missing orders with what is not.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import structlog

from tegula_coordinator.blobs import Blobs
from tegula_coordinator.book import Book, Job, shelf
from tegula_coordinator.dashboard.previews import Previews
from tegula_coordinator.events import JobForgotten
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.partials import Partials
from tegula_market import codec
from tegula_market.adapters.chain import Account, Status
from tegula_market.model import Digest, JobId, Order, SceneManifest, TegulaError

DAY = 86_400.0
SWEEP_SECONDS = DAY / 4
PARTIAL_SECONDS = DAY
"""For which an upload stays that was cut off; who sent it has given up by then."""
TOLD_SECONDS = DAY
"""For which a blob stays that somebody was told is here; an upload and an order take less."""

log = structlog.get_logger(__name__)


def over(job: Job, account: Account, now: float, days: float) -> bool:
    """Whether nothing of the job can be rendered, disputed or accused any more, and could not for so long.

    After a close or a refund, and with no root that still reserves a part, only vouchers are left to claim.
    Deadline, grace and window are waited for even so: a root's last leaf leaves a window for an accusation.
    """
    if account.status is Status.OPEN or account.rooted:
        return False
    terms = job.order.terms
    last = max(terms.deadline, account.deadline) + terms.grace + terms.window
    return now >= last + days * DAY


class Told:
    """Blobs that somebody was told are here. A restart forgets it; then an order may have to upload again.

    Any thread may tell, and the sweeper asks in its own.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._until: dict[Digest, float] = {}
        self._turn = threading.Lock()

    @contextmanager
    def telling(self, digests: Iterable[Digest]) -> Iterator[set[Digest]]:
        """Keeps them from before the look until somebody is told, and for a while then what is in the set.

        The rest is forgotten: whoever makes up digests must not fill the memory.
        """
        asked, here = set(digests), set[Digest]()
        until = self._until_when()
        with self._turn:
            new = asked - self._until.keys()
            self._until.update(dict.fromkeys(asked, until))
        try:
            yield here
        finally:
            later = self._until_when()
            with self._turn:
                self._until.update(dict.fromkeys(here, later))
                for digest in new - here:
                    if self._until.get(digest) == until:  # nobody else was told meanwhile
                        del self._until[digest]

    def _until_when(self) -> float:
        return self._clock() + TOLD_SECONDS

    def lately(self, digest: Digest) -> bool:
        return self._until.get(digest, 0.0) > self._clock()

    def forget(self) -> None:
        """Those of long ago."""
        now = self._clock()
        with self._turn:
            self._until = {digest: until for digest, until in self._until.items() if until > now}


class Sweeper:
    """
    Args:
        account: of a job in the escrow; blocks.
        days: for which everything is kept after it was needed last.
        forget: has the book hear of a job whose tiles are gone.
    """

    def __init__(
        self,
        book: Book,
        account: Callable[[JobId], Account],
        blobs: Blobs,
        kept: EvidenceFolder,
        previews: Previews,
        told: Told,
        partials: Partials,
        days: float,
        forget: Callable[[JobForgotten], None],
    ) -> None:
        self._book, self._account, self._blobs, self._kept = book, account, blobs, kept
        self._previews, self._told, self._partials, self._days = previews, told, partials, days
        self._forget = forget
        self._over: set[JobId] = set()

    async def watch(self) -> None:
        """What fails is tried again with the next look; what is needed is never a guess."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep(time.time())
            except (TegulaError, OSError) as error:
                log.warning("nothing was swept", reason=str(error))

    async def sweep(self, now: float) -> None:
        """
        Raises:
            TegulaError, OSError: the chain or the blobs are away, or a file cannot be read. What could still
                be needed is there.
        """
        self._told.forget()
        await asyncio.to_thread(self._partials.sweep, now - PARTIAL_SECONDS)
        await asyncio.to_thread(self._sweep, list(self._book.jobs.values()), now)
        for job in map(self._book.jobs.__getitem__, self._over):  # when its files are gone: else they stayed
            if not job.forgotten and job.id not in self._book.live:
                self._forget(JobForgotten(now, job.id))

    def _sweep(self, jobs: list[Job], now: float) -> None:
        old = list(self._blobs.older_than(now - self._days * DAY))
        self._over.update(job.id for job in jobs if job.forgotten)
        for job in jobs:
            due = job.id not in self._over and now >= job.order.terms.deadline  # else the chain is not asked
            if due and over(job, self._account(job.id), now, self._days):
                self._over.add(job.id)
        needed = {digest for job in jobs if job.id not in self._over for digest in self._needed(job)}
        for job_id in self._over:
            self._kept.drop(job_id)
        gone = [digest for digest in old if digest not in needed]
        for digest in gone:
            if not self._told.lately(digest):  # asked anew each time: somebody may have asked meanwhile
                self._blobs.remove(digest)
        self._previews.sweep(needed)
        log.info("swept", jobs=len(self._over), blobs=len(gone), kept=len(needed))

    def _needed(self, job: Job) -> Iterator[Digest]:
        yield from _scene(self._blobs, job.order)
        yield from (result.image for result in list(shelf.whole(job).results.values()))
        yield from (event.result.image for event in list(job.waiting.values()))
        yield from self._kept.images(job.id)


def _scene(blobs: Blobs, order: Order) -> Iterator[Digest]:
    yield order.scene.manifest
    with blobs.at_hand([order.scene.manifest]) as find:
        path = find(order.scene.manifest)
        if path.exists():  # else nobody can render the job any more
            yield from (file.digest for file in codec.loads(SceneManifest, path.read_bytes()).files)
