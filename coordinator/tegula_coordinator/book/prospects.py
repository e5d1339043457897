"""What is expected of workers that ask for a job: `tegula_market.ranking`, from what the book has seen."""

from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, Worker
from tegula_market import ranking
from tegula_market.model import WorkerId
from tegula_market.ranking import Prospect


def of(book: Book, job: Job, at: float) -> dict[WorkerId, Prospect]:
    """Of every worker that is there and may work on the job. One whose speed is unknown is as slow as any."""
    size = sum(job.sizes) / len(job.sizes)
    asking = [book.workers[w] for w in job.asks if book.workers[w].online]
    able = [worker for worker in asking if worker.payout not in job.barred]
    took = {w.id: w.shown.seconds(size, warm=job.asks[w.id].warm) for w in able}
    slowest = max((seconds for seconds in took.values() if seconds is not None), default=0.0)
    found = {}
    for worker in able:
        known, left = took[worker.id], job.order.terms.deadline - at
        if busy(job, worker):
            known = left  # nobody knows when it will start, and others stand idle
        found[worker.id] = ranking.prospect(
            book.reputation(worker.payout),
            at,
            slowest if known is None else known,
            left,
            book.timing.lease_seconds,
            warm=job.asks[worker.id].warm,
        )
    return found


def busy(job: Job, worker: Worker) -> bool:
    """Whether other jobs have all of it: taken, it would keep from the job whoever stands idle."""
    return worker.free <= 0 and not any(lease in job.leases for lease in worker.leases)
