"""What a requester may see of the book, as JSON."""

from typing import Any

from tegula_coordinator.book import Book, Job
from tegula_market import codec


def job(book: Book, job: Job, seq: int) -> dict[str, Any]:
    """The job as it stands after event number `seq`."""
    return {
        "job": codec.encode(job.id),
        "phase": job.phase.value,
        "reason": job.reason,
        "clearing_price": None if job.price is None else str(job.price),
        "asks": _asks(book, job),
        "units": [_unit(book, job, index) for index in range(len(job.units))],
        "owed": _owed(job),
        "workers": sum(1 for worker in book.workers.values() if worker.online and not worker.verifier),
        "verifiers": sum(1 for worker in book.workers.values() if worker.online and worker.verifier),
        "seq": seq,
    }


def _asks(book: Book, job: Job) -> list[dict[str, Any]]:
    """Every worker that was called, with its ask or the reason why there is none."""
    asked = [
        {
            "worker": codec.encode(book.workers[worker].payout),
            "key": codec.encode(worker),
            "price": str(standing.ask.price),
            "slots": standing.ask.slots,
            "taken": worker in job.taken,
            "code": "BARRED" if worker in job.barred else standing.code,
            "reason": job.barred.get(worker, standing.reason),
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


def _unit(book: Book, job: Job, index: int) -> dict[str, Any]:
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
        view |= {"worker": codec.encode(book.workers[lease.worker].payout), "price": str(lease.price)}
    if result is not None and result.lease == state.lease:
        view |= {
            "image": codec.encode(result.image),
            "render_seconds": result.render_seconds,
            "load_seconds": result.load_seconds,
            "device": result.device,
        }
    return view


def _owed(job: Job) -> list[dict[str, str]]:
    return [
        {
            "worker": codec.encode(worker),
            "cumulative": str(total),
            "vouchered": str(job.ledger.paid.get(worker, 0)),
        }
        for worker, total in job.ledger.owed.items()
    ]
