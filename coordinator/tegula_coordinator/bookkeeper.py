"""Keeps the book and its log in step: an event is on disk before anything that follows from it is sent.

Events wait in one queue and are taken in batches, so that a busy coordinator pays for one flush to disk
per batch and not per event.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog

from tegula_coordinator import beginning
from tegula_coordinator.alarms import Alarms
from tegula_coordinator.book import RULES, Book, Job, NotAdmitted, shelf, step
from tegula_coordinator.commands import Command, WakeAt
from tegula_coordinator.events import Event, JobClosed, JobOpened, Restarted, job_of
from tegula_coordinator.metrics import Metrics
from tegula_coordinator.store import EventLog, Extent, Recorded, StoreError
from tegula_market.model import JobId

log = structlog.get_logger(__name__)

LARGEST_BATCH = 1000
LEAD_SECONDS = 1.0
"""Between two looks at who leads."""
Carrier = Callable[[Command], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: Event
    done: asyncio.Future[None] | None
    """Whoever wants to know that the event is in the log, or why it is not."""


class Bookkeeper:
    def __init__(self, book: Book, events: EventLog, metrics: Metrics | None = None) -> None:
        self.book = book
        self._metrics = metrics or Metrics()
        self._events = events
        self._inbox: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._closed: asyncio.Queue[Job] = asyncio.Queue()
        """That are to be packed."""
        self._alarms = Alarms(book.awaits)
        self._ringing: asyncio.TimerHandle | None = None
        self._rings_at: float | None = None
        self._followers: dict[JobId | None, set[asyncio.Future[None]]] = {}
        """Who waits for a job's next event; under None, for any."""
        self.ending = False
        """Nobody is to wait for news any more."""
        self.seq = 0
        """Number of the last event in the log."""

    def replay(self) -> None:
        """Brings the book to where the log ends. Blocks: nothing else may run before it anyway.

        Raises:
            StoreError: the log cannot be read, was judged by other rules, or was cut and no checkpoint can
                be read.
        """
        if self.seq == 0 or self._events.begins() > self.seq + 1:
            self.seq = beginning.begin(self.book, self._events)
        for recorded in self._events.replay(self.seq):
            step(self.book, recorded.event)
            self.seq = recorded.seq
            if isinstance(recorded.event, JobClosed):
                shelf.put_away(self.book.jobs[recorded.event.job])
            if self.book.rules not in (0, RULES):
                raise StoreError(
                    f"what is in the event log was judged by other rules ({self.book.rules}, not {RULES}):"
                    " end its jobs with the version that wrote it, and begin a new database with this one;"
                    " workers keep the vouchers of what they have earned"
                )

    async def record(self, event: Event) -> None:
        """Returns once the event is in the book and on disk.

        Raises:
            NotAdmitted: the book says no; nothing has changed.
        """
        done = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Waiting(event, done))
        await done

    async def lead(self) -> None:
        """Waits until this program leads; its book is up to date then, and until then hardly behind.

        Raises:
            StoreError: another program leads, and none can stand by; or the database fails.
        """
        if not await asyncio.to_thread(self._events.lead):
            log.info("another coordinator leads; standing by")
            while not await asyncio.to_thread(self._events.lead):
                await asyncio.sleep(LEAD_SECONDS)  # first: it may be making the database
                self.replay()
        self.replay()
        log.info("log replayed", events=self.seq, jobs=len(self.book.jobs))

    async def stay(self) -> None:
        """Runs for as long as this program leads, though it may have nothing to append.

        Raises:
            StoreError: it leads no more.
        """
        while True:
            await asyncio.sleep(LEAD_SECONDS)
            await asyncio.to_thread(self._events.confirm)

    def post(self, event: Event) -> None:
        """As `record`, for whoever cannot wait and does not mind a no."""
        self._inbox.put_nowait(_Waiting(event, None))

    async def keep(self, carry_out: Carrier) -> None:
        """The loop that owns the book. Runs until cancelled."""
        # Before all that was said meanwhile: it takes every worker for gone.
        batch = [_Waiting(Restarted(time.time(), RULES), None)]
        while True:
            while len(batch) < LARGEST_BATCH and not self._inbox.empty():
                batch.append(self._inbox.get_nowait())
            for command in await self._enter(batch):
                if isinstance(command, WakeAt):
                    self._alarms.set(command.event)
                else:
                    await carry_out(command)
                    self._metrics.sent(command)
            self._await_alarm()
            batch = [await self._inbox.get()]

    async def tidy(self) -> None:
        """Packs what is closed, between whatever else is to be done. Runs until cancelled."""
        while True:
            job = await self._closed.get()
            for _ in shelf.putting_away(job):
                await asyncio.sleep(0)
            log.debug("job packed", job=job.id.hex())

    async def events_of(self, job: JobId, after: int, wait: float) -> list[Recorded]:
        """Events of a job beyond number `after`; waits up to `wait` seconds for the first, or for the end."""
        deadline = time.monotonic() + wait
        while True:
            with self._following(job) as news:  # before the log is read: an event may come while it is
                found = await asyncio.to_thread(self._events.of_job, job, after)
                left = deadline - time.monotonic()
                if found or left <= 0 or self.ending:
                    return found
                await _within(left, news)

    def lacks(self, after: int, found: Sequence[Recorded]) -> bool:
        """Whether the log may have had others of the job beyond `after`, which were cut."""
        whole = bool(found) and isinstance(found[0].event, JobOpened)
        return after + 1 < self._events.begun and not whole

    async def extent(self) -> Extent:
        return await asyncio.to_thread(self._events.extent)

    async def beyond(self, seq: int, wait: float) -> None:
        """Until the log has more than `seq` events, `wait` seconds have passed, or the program ends."""
        with self._following(None) as news:
            if self.seq <= seq and not self.ending:
                await _within(wait, news)

    def release(self) -> None:
        """Whoever waits for news is answered now: a request that is cut off looks like a fault of ours."""
        self.ending = True
        for followers in self._followers.values():
            for follower in followers:
                if not follower.done():
                    follower.set_result(None)

    async def _enter(self, batch: Sequence[_Waiting]) -> list[Command]:
        commands: list[Command] = []
        admitted: list[tuple[_Waiting, list[Command]]] = []
        for waiting in batch:
            try:
                follows = step(self.book, waiting.event)
            except NotAdmitted as error:
                _settle(waiting, error)
            else:
                commands += follows
                admitted.append((waiting, follows))
                if isinstance(waiting.event, JobClosed):
                    self._closed.put_nowait(self.book.jobs[waiting.event.job])
        if admitted:
            with self._metrics.appending():
                numbers = await asyncio.to_thread(self._events.append, [w.event for w, _ in admitted])
            self.seq = numbers[-1]
            for waiting, follows in admitted:
                self._metrics.note(waiting.event, follows)
                _settle(waiting, None)
                self._tell_followers(waiting.event)
        return commands

    def _tell_followers(self, event: Event) -> None:
        for of in {job_of(event), None} if self._followers else ():
            for follower in self._followers.get(of, ()):
                if not follower.done():
                    follower.set_result(None)

    @contextmanager
    def _following(self, job: JobId | None) -> Iterator[asyncio.Future[None]]:
        news = asyncio.get_running_loop().create_future()
        followers = self._followers.setdefault(job, set())
        followers.add(news)
        try:
            yield news
        finally:
            followers.discard(news)
            if not followers:
                self._followers.pop(job, None)

    def _ring(self) -> None:
        self._rings_at = None
        for event in self._alarms.due(time.time()):
            self.post(event)
        self._await_alarm()

    def _await_alarm(self) -> None:
        """With one timer, for the first that is due."""
        first = self._alarms.next()
        if first is None or first == self._rings_at:
            return
        if self._ringing is not None:
            self._ringing.cancel()
        delay = max(0.0, first - time.time())
        self._ringing = asyncio.get_running_loop().call_later(delay, self._ring)
        self._rings_at = first


async def _within(seconds: float, news: asyncio.Future[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news


def _settle(waiting: _Waiting, error: NotAdmitted | None) -> None:
    if waiting.done is None:
        if error is not None:
            log.debug("event not admitted", kind=type(waiting.event).__name__, reason=str(error))
    elif waiting.done.done():
        pass  # whoever asked has been cancelled
    elif error is not None:
        waiting.done.set_exception(error)
    else:
        waiting.done.set_result(None)
