"""What the operator sees of the book, as JSON. Nothing in it names a requester."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tegula_coordinator import order_book, views
from tegula_coordinator.book import Book, Job, Worker, shelf, why
from tegula_coordinator.book.recent import Priced
from tegula_market import codec, tiling
from tegula_market.audit import Record
from tegula_market.lifecycle import JobPhase
from tegula_market.model import MEGASAMPLE, Address, JobId

LATEST_ENDED = 50
"""Jobs that are over and still listed."""
MOST_SUMMED_UP = 256
"""Jobs that were put away; more than a view shows."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What lists show of a job's tiles and asks."""

    tally: dict[str, int]
    """How many tiles are in which phase."""
    asked: int
    taken: int


@dataclass(slots=True)
class Summaries:
    """A job can have 200,000 tiles: they are counted when they have moved, and those of a job that was put
    away once, by a thread: all that is listed can take seconds."""

    _tallies: dict[JobId, tuple[int, dict[str, int]]] = field(default_factory=dict)
    _away: dict[JobId, Summary] = field(default_factory=dict)

    async def learn(self, book: Book) -> None:
        """Before `market`, of all that it shows."""
        shown = [*_listed(book), *(book.jobs[job] for job in book.prices)]
        for job in shown:
            if job.away is not None and job.id not in self._away:
                self._keep(job, await asyncio.to_thread(_summed_up, job))

    def of(self, job: Job) -> Summary:
        if job.away is None:
            return _summary(job, self._tally(job))
        if job.id not in self._away:  # put away a moment ago
            self._keep(job, _summed_up(job))
        return self._away[job.id]

    def _keep(self, job: Job, summary: Summary) -> None:
        self._tallies.pop(job.id, None)
        self._away[job.id] = summary
        if len(self._away) > MOST_SUMMED_UP:
            del self._away[next(iter(self._away))]

    def _tally(self, job: Job) -> dict[str, int]:
        clock, tally = self._tallies.get(job.id, (-1, {}))
        if clock != job.clock:
            tally = _count(job)
            self._tallies[job.id] = job.clock, tally
        return tally


def _summed_up(job: Job) -> Summary:
    whole = shelf.whole(job)
    return _summary(whole, _count(whole))


def _summary(job: Job, tally: dict[str, int]) -> Summary:
    return Summary(tally, len(job.asks), len(job.taken))


def _count(job: Job) -> dict[str, int]:
    return dict(Counter(state.phase.value for state in job.units))


def market(book: Book, summaries: Summaries, now: float) -> dict[str, Any]:
    """All that goes on at `now`, in Unix seconds."""
    shown = list(_listed(book))
    return {
        "at": now,
        "jobs": [_job(job, summaries) for job in shown],
        "workers": [_worker(book, worker, now) for worker in book.workers.values()],
        "speeds": views.market(book, now)["speeds"],
        "depth": order_book.of(book, now).model_dump()["tokens"],
        "prices": views.prices(book),
        "rounds": [
            _round(book.jobs[job], priced, summaries) for job, priced in reversed(book.prices.items())
        ],
    }


def plan(job: Job) -> dict[str, Any]:
    """What of a job never changes: its frames, and where in each of them its tiles are.

    Args:
        job: whole, as for `frame`.
    """
    order = job.order
    first = tiling.frames(order)[0]
    per_frame = len(job.units) // len(order.frames)
    rects = [tiling.tile(order, index).rect for index in range(per_frame)]
    return {
        "job": codec.encode(job.id),
        "frames": order.frames,
        "width": first.width,
        "height": first.height,
        "region": codec.encode(first.rect),
        "rects": [[rect.x0, rect.y0, rect.x1, rect.y1] for rect in rects],
        "samples": order.scene.spp,
        "seed": order.scene.seed,
        "blender": order.scene.blender,
        "view_layers": order.scene.view_layers,
        "overscan": order.overscan,
        "token": codec.encode(order.terms.token),
        "ceiling": str(order.ceiling),
        "deadline": order.terms.deadline,
        "funded": str(job.ledger.funded),
    }


def frame(book: Book, job: Job, number: int, summaries: Summaries, since: int = -1) -> dict[str, Any]:
    """How one frame of a job stands, and who asked for the job.

    Args:
        job: whole, even if it was put away.
        number: of the frame, counted from 0 in the order's own order.
        since: the job's clock at an earlier view; tiles that have not changed since then are left out.
    """
    per_frame = len(job.units) // len(job.order.frames)
    first = number * per_frame
    units = range(first, first + per_frame)
    return {
        **_job(job, summaries),
        "frame": number,
        "units": [views.unit(job, index) for index in units if job.changed.get(index, 0) > since],
        **views.waiting(book, job, units),
        "asks": views.asks(book, job),
        "owed": views.owed(job),
        "root": None if job.root is None else codec.encode(job.root),
    }


def tokens(book: Book) -> set[Address]:
    """All that anything is paid in."""
    return {job.order.terms.token for job in book.jobs.values()}


def _listed(book: Book) -> Iterator[Job]:
    """All that are live, the newest first, then those that ended last."""
    newest = list(reversed(book.jobs.values()))
    live = [job for job in newest if job.id in book.live]
    ended = (job for job in newest if job.id not in book.live)
    yield from sorted(live, key=lambda job: job.phase is not JobPhase.OPEN)
    yield from islice(ended, LATEST_ENDED)


def _round(job: Job, priced: Priced, summaries: Summaries) -> dict[str, Any]:
    summary = summaries.of(job)
    return {
        "job": codec.encode(job.id),
        "at": priced.at,
        "price": str(priced.price),
        "token": codec.encode(job.order.terms.token),
        "ceiling": str(job.order.ceiling),
        "asked": summary.asked,
        "taken": summary.taken,
    }


def _job(job: Job, summaries: Summaries) -> dict[str, Any]:
    tally = summaries.of(job).tally
    return {
        "job": codec.encode(job.id),
        "phase": job.phase.value,
        "reason": job.reason,
        "tiles": sum(tally.values()),
        "tally": tally,
        "price": None if job.price is None else str(job.price),
        "ceiling": str(job.order.ceiling),
        "token": codec.encode(job.order.terms.token),
        "funded": str(job.ledger.funded),
        "reserved": str(job.ledger.total_reserved),
        "earned": str(job.ledger.total_owed),
        "signed": str(job.ledger.total_paid),
        "deadline": job.order.terms.deadline,
        "adrift": job.adrift,
    }


def _worker(book: Book, worker: Worker, now: float) -> dict[str, Any]:
    record, reputation = book.records.get(worker.payout, Record()), book.reputation(worker.payout)
    reason = why.worker(book, worker)
    return {
        "key": codec.encode(worker.id),
        "worker": codec.encode(worker.payout),
        "device": worker.device,
        "blender": worker.blender,
        "verifier": worker.verifier,
        "online": worker.online,
        "slots": worker.slots,
        "leases": len(worker.leases),
        "probes": len(worker.probes),
        "code": reason.code,
        "sentence": reason.sentence,
        "results": len(worker.shown.work),
        "speed": _speed(worker),
        "right": reputation.verdicts.expected(now),
        "in_time": reputation.timeliness.expected(now),
        "passed": record.passed,
        "rejected": record.rejected,
        "earned": [] if worker.verifier else _earned(book, worker.payout),
    }


def _speed(worker: Worker) -> float | None:
    """Megasamples a second of rendering, of its latest results."""
    seconds = sum(work.render_seconds for work in worker.shown.work)
    return sum(work.size for work in worker.shown.work) / MEGASAMPLE / seconds if seconds else None


def _earned(book: Book, payout: Address) -> list[dict[str, str]]:
    """In each token, in all jobs."""
    return [
        {"token": codec.encode(token), "earned": str(earned.owed), "signed": str(earned.signed)}
        for token, earned in book.earnings.get(payout, {}).items()
    ]
