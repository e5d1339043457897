"""What a requester may see of the book, as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tegula_coordinator.book import Book, Job, history, posted, recent, why
from tegula_coordinator.book.job import PostedRoot
from tegula_coordinator.book.state import Worker
from tegula_coordinator.events import ResultArrived
from tegula_coordinator.store import Recorded
from tegula_market import codec
from tegula_market.lifecycle import FINISHED, Phase
from tegula_market.model import MEGASAMPLE, Wei


@dataclass(frozen=True, slots=True)
class RootView:
    """A root that stands, and what a close has to leave to workers because of it."""

    hash: bytes
    reserve: Wei
    final_at: int
    owed: Wei


def job(book: Book, job: Job, seq: int, since: int = -1, root: RootView | None = None) -> dict[str, Any]:
    """The job as it stands after event number `seq`.

    Args:
        since: the job's clock at an earlier view; units that have not changed since then are left out.
        root: as the chain has it.
    """
    changed = [index for index in range(len(job.units)) if job.changed.get(index, 0) > since]
    return {
        "job": codec.encode(job.id),
        "phase": job.phase.value,
        "reason": job.reason,
        "clearing_price": None if job.price is None else str(job.price),
        "asks": asks(book, job),
        "units": [unit(job, index) for index in changed],
        "owed": owed(job),
        "root": None if root is None else codec.encode(root),
        "workers": sum(1 for worker in book.workers.values() if worker.online and not worker.verifier),
        "verifiers": sum(1 for worker in book.workers.values() if worker.online and worker.verifier),
        "seq": seq,
        "lowest_ask": _lowest_ask(book, job),
    }


def _lowest_ask(book: Book, job: Job) -> str | None:
    least = posted.lowest(book, job) if why.waits_for_price(job) else None
    return None if least is None else str(least)


def root(job: Job, posted: PostedRoot) -> dict[str, Any]:
    """All that it takes to build the tree, and any worker's proof, again."""
    totals = [
        {"worker": codec.encode(worker), "cumulative": str(total)}
        for worker, total in sorted(job.ledger.owed.items())
    ]
    return {**codec.encode(posted), "totals": totals}


def market(book: Book, now: float) -> dict[str, Any]:
    """What is known without a job; `book.recent` says how far back it goes."""
    online = [worker for worker in book.workers.values() if worker.online]
    remembered = (work for worker in book.workers.values() for work in worker.shown.work)
    return {
        "at": now,
        "call_seconds": book.timing.call_seconds,
        "workers": [_present(worker) for worker in online if not worker.verifier],
        "verifiers": [_present(worker) for worker in online if worker.verifier],
        "prices": [codec.encode(priced) for priced in book.prices.values()],
        "speeds": [codec.encode(speed) for speed in recent.speeds(remembered)],
    }


def waiting(book: Book, job: Job, units: Iterable[int]) -> dict[str, Any]:
    """Why each of these units that is not finished is no further, by reason."""
    found: dict[why.Why, list[int]] = {}
    alike: why.Why | None = None
    for index in units:
        phase = job.units[index].phase
        if phase is Phase.OPEN and not job.taken:  # for the same reason, all that are open; there can be many
            reason = alike = alike or why.unit(book, job, index)
        elif phase not in FINISHED:
            reason = why.unit(book, job, index)
        else:
            continue
        found.setdefault(reason, []).append(index)
    return {"waiting": [{**codec.encode(reason), "units": each} for reason, each in found.items()]}


def idle(book: Book) -> dict[str, Any]:
    """Why each worker that is there renders nothing. No names: what each was told it knows."""
    there = (worker for worker in book.workers.values() if worker.online and not worker.verifier)
    return {
        "workers": [
            {**_present(worker), **codec.encode(why.worker(book, worker))}
            for worker in there
            if not worker.leases
        ]
    }


def prices(book: Book) -> dict[str, Any]:
    """What work has cost of late, by token and kind of device; `book.history` says what counts."""
    return {
        "period": history.PERIOD,
        "classes": [
            {**codec.encode(of), "candles": [_candle(candle) for candle in candles]}
            for of, candles in reversed(book.history.items())
        ],
    }


def event(recorded: Recorded) -> dict[str, Any]:
    """An event of a job. Of a result nothing that has a use before its verdict: neither image nor lot."""
    body = codec.encode(recorded.event)
    if isinstance(recorded.event, ResultArrived):
        body = {**body, "lot": None, "result": {**body["result"], "image": None, "signature": None}}
    kind = type(recorded.event).__name__
    return {"seq": recorded.seq, "at": recorded.event.at, "kind": kind, "body": body}


def _candle(candle: history.Candle) -> dict[str, Any]:
    """With its volume in megasamples, the unit that prices are for."""
    return {**codec.encode(candle), "volume": candle.volume / MEGASAMPLE}


def _present(worker: Worker) -> dict[str, Any]:
    return {
        "blender": worker.blender,
        "device": worker.device,
        "slots": worker.slots,
        "ask": codec.encode(worker.shown.ask),
        "posted": codec.encode(worker.posted),
    }


def asks(book: Book, job: Job) -> list[dict[str, Any]]:
    """Every worker that was called, with its ask or the reason why there is none."""
    asked = [
        {
            "worker": codec.encode(book.workers[worker].payout),
            "key": codec.encode(worker),
            "price": str(standing.ask.price),
            "slots": standing.ask.slots,
            "taken": worker in job.taken,
            "code": standing.code,
            "reason": standing.reason,
        }
        for worker, standing in job.asks.items()
    ]
    declined = [
        {
            "worker": codec.encode(book.workers[worker].payout),
            "key": codec.encode(worker),
            "price": None,
            "slots": 0,
            "taken": False,
            "code": "DECLINED",
            "reason": reason,
        }
        for worker, reason in job.declined.items()
    ]
    return asked + declined


def unit(job: Job, index: int) -> dict[str, Any]:
    state, result = job.units[index], job.results.get(index)
    verdicts = job.verdicts.get(index, [])
    view: dict[str, Any] = {
        "unit": index,
        "phase": state.phase.value,
        "attempt": state.attempt,
        "worker": None,
        "price": None,
        "image": None,
        "render_seconds": 0.0,
        "load_seconds": 0.0,
        "device": "",
        "verdicts": [codec.encode(v) | {"worker": codec.encode(payout)} for payout, v in verdicts],
    }
    if state.lease is not None:
        lease = job.last[index]
        price = 0 if lease.id in job.forfeits else lease.price
        view |= {"worker": codec.encode(job.payees[lease.id]), "price": str(price)}
    if result is not None and result.lease == state.lease:
        view |= {
            "image": codec.encode(result.image) if state.phase is Phase.ACCEPTED else None,
            "render_seconds": result.render_seconds,
            "load_seconds": result.load_seconds,
            "device": result.device,
        }
    return view


def owed(job: Job) -> list[dict[str, str]]:
    return [
        {
            "worker": codec.encode(worker),
            "cumulative": str(total),
            "vouchered": str(job.ledger.paid.get(worker, 0)),
        }
        for worker, total in job.ledger.owed.items()
    ]
