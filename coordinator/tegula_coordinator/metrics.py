"""What Prometheus scrapes. Counters begin at 0 with every start; amounts are in the token's units."""

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tegula_coordinator import events
from tegula_coordinator.book import Book, Job
from tegula_coordinator.commands import Command, SendLease
from tegula_coordinator.events import Event
from tegula_market import codec
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import JobId, LeaseId, lease_parts

QUICK = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
"""Bounds of the histograms, in seconds."""
FAILURES = frozenset({
    "NOT_STARTED", "NO_DEVICE", "LOST_DEVICE", "DRIVER", "BLACK_FRAME", "WRONG_PIXELS", "CRASHED",
    "TIMED_OUT", "OUT_OF_MEMORY", "OUT_OF_GPU_MEMORY", "NOT_RENDERED", "UNREADABLE_SCENE",
    "WRONG_ENGINE", "UNSAFE", "NOT_TILEABLE", "MISMATCH", "NO_CAMERA", "MISSING_ASSET", "SCENE_REFUSED",
    "NO_BLOB", "DISK_FULL", "INVALID_ORDER",
})  # fmt: skip
"""That tegula-worker gives leases back for. Each other word would be a series for ever, so it is OTHER."""
OTHER = "other"


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        here: dict[str, Any] = {"namespace": "tegula_coordinator", "registry": self.registry}
        self._events = Counter("events", "Events in the log since the start, by kind", ("kind",), **here)
        self._leases = Counter("leases", "Leases: granted, delivered, returned, expired", ("step",), **here)
        self._returned = Counter("returned", "Leases given back, by failure", ("failure",), **here)
        self._verdicts = Counter("verdicts", "Verdicts on tiles, by outcome", ("outcome",), **here)
        self._append = Histogram("append_seconds", "Writing a batch of events", buckets=QUICK, **here)
        self._next = Histogram(
            "result_to_lease_seconds",
            "From a result to the lease that follows from it",
            buckets=QUICK,
            **here,
        )
        self._lag = Histogram("loop_lag_seconds", "How late the event loop is", buckets=QUICK, **here)
        self._jobs = Gauge("jobs", "Jobs that are not closed, by phase", ("phase",), **here)
        self._tiles = Gauge("tiles", "Tiles of jobs that are not closed, by phase", ("phase",), **here)
        self._workers = Gauge(
            "workers", "Workers and verifiers that are online, by device", ("kind", "device"), **here
        )
        self._under_way = Gauge("under_way", "What is being rendered: leases, probes", ("kind",), **here)
        self._oldest = Gauge(
            "oldest_seconds",
            "What has waited longest: results for a verifier, jobs with nothing leased for a lease",
            ("queue",),
            **here,
        )
        self._reserved = Gauge("reserved", "Of deposits, for tiles under way", ("token",), **here)
        self._owed = Gauge("owed", "Earned, and not covered by a voucher yet", ("token",), **here)
        self._blob_bytes = Gauge("blob_bytes", "What all blobs take", **here)
        self._free_bytes = Gauge("free_bytes", "Room left on the disk of the data folder", **here)
        self._ready = Gauge("ready", "1 for each part that is as it should be", ("part",), **here)
        self._heard: dict[LeaseId, float] = {}
        """By the lease that follows from it, when a result was heard."""
        self._idle_since: dict[JobId, float] = {}
        """Jobs with open tiles and nothing leased, and when that was first seen."""
        self._tallies: dict[JobId, tuple[int, Tally[tuple[str, ...]]]] = {}
        """Of live jobs, by phase, at the job's clock: 200,000 tiles are counted when they have moved only."""

    @contextmanager
    def appending(self) -> Iterator[None]:
        with self._append.time():
            yield

    def note(self, event: Event, follows: Sequence[Command]) -> None:
        """An event that is in the log, and what it makes the coordinator do."""
        self._events.labels(type(event).__name__).inc()
        match event:
            case events.ResultArrived():
                self._leases.labels("delivered").inc()
                granted = (each.lease for each in follows if isinstance(each, SendLease))
                self._heard.update((lease.id, event.at) for lease in granted if lease.worker == event.worker)
            case events.LeaseReturned():
                self._leases.labels("returned").inc()
                self._returned.labels(event.failure if event.failure in FAILURES else OTHER).inc()
            case events.LeaseExpired():
                self._leases.labels("expired").inc()
            case events.Judged():
                for verdict in (event.verdict, *event.others):
                    self._verdicts.labels(verdict.outcome.value).inc()
            case _:
                pass

    def sent(self, command: Command) -> None:
        if isinstance(command, SendLease):
            self._leases.labels("granted").inc()
            heard = self._heard.pop(command.lease.id, None)
            if heard is not None:
                self._next.observe(max(0.0, time.time() - heard))

    def late(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def show(self, book: Book, now: float) -> None:
        """
        Args:
            now: Unix seconds.
        """
        live = list(book.live.values())
        _set(self._jobs, Tally((job.phase.value,) for job in live))
        self._tallies = {job.id: self._tally(job) for job in live}
        _set(self._tiles, sum((tally for _, tally in self._tallies.values()), Tally()))
        online = [worker for worker in book.workers.values() if worker.online]
        _set(self._workers, Tally((("worker", "verifier")[w.verifier], w.device) for w in online))
        self._under_way.labels("leases").set(sum(len(worker.leases) for worker in book.workers.values()))
        self._under_way.labels("probes").set(len(book.probers))
        self._oldest.labels("verifier").set(max((now - since for since in _unprobed(book)), default=0))
        self._oldest.labels("lease").set(self._idle(live, now))
        _set(self._reserved, _sum(live, lambda job: job.ledger.total_reserved))
        _set(self._owed, _sum(live, lambda job: job.ledger.total_owed - job.ledger.total_paid))

    def disk(self, blobs: int | None, free: int) -> None:
        """
        Args:
            blobs: bytes, None if the store does not tell at the moment.
        """
        self._free_bytes.set(free)
        if blobs is not None:
            self._blob_bytes.set(blobs)

    def ready(self, parts: Iterable[tuple[str, bool]]) -> None:
        for part, ok in parts:
            self._ready.labels(part).set(ok)

    def _tally(self, job: Job) -> tuple[int, Tally[tuple[str, ...]]]:
        clock, tally = self._tallies.get(job.id, (-1, Tally()))
        if clock != job.clock:
            tally = Tally((state.phase.value,) for state in job.units)
        return job.clock, tally

    def _idle(self, live: Iterable[Job], now: float) -> float:
        """Longest time that a job with open tiles has had nothing leased, seconds."""
        idle = {job.id for job in live if _is_idle(job)}
        self._idle_since = {job: self._idle_since.get(job, now) for job in idle}
        return now - min(self._idle_since.values(), default=now)


def _set(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """To these, by labels, and to no others."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


def _sum(jobs: Iterable[Job], amount: Callable[[Job], int]) -> Mapping[tuple[str, ...], float]:
    """By the token that jobs are paid in."""
    found: Tally[tuple[str, ...]] = Tally()
    for job in jobs:
        found[(codec.encode(job.order.terms.token),)] += amount(job)
    return found


def _is_idle(job: Job) -> bool:
    return (
        job.phase is JobPhase.OPEN
        and bool(job.open_units)
        and not any(job.units[lease.unit].phase is Phase.LEASED for lease in job.leases.values())
    )


def _unprobed(book: Book) -> Iterator[float]:
    """When each result came that waits for a verifier, Unix seconds."""
    for lease in book.unprobed:
        job = book.jobs[lease_parts(lease)[0]]
        yield job.leased_at[lease] + job.turnaround[lease]
