"""Posted asks: what workers ask at present, whatever the job. By them a job is served that waits for a price.

A worker is called for a job again when its posted price crosses the job's ceiling: downwards, since its ask
was above it, and upwards, since by its own rules it would no longer work for that. A price that moves on one
side of a ceiling calls nobody. A post looks at each live job once, at nothing more (decision 25).
"""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import rounds
from tegula_coordinator.book.job import BARRED, Job
from tegula_coordinator.book.state import Book, NotAdmitted, Posted, Worker
from tegula_coordinator.commands import Command
from tegula_market import messages
from tegula_market.auction import MAX_PRICE, Reason
from tegula_market.lifecycle import JobPhase
from tegula_market.model import Address, Wei


def post(book: Book, event: events.AskPosted) -> Iterator[Command]:
    worker = book.workers.get(event.worker)
    if worker is None or not worker.online or worker.verifier:
        raise NotAdmitted("this worker cannot ask")
    if not (0 < event.price <= MAX_PRICE and 0 <= event.slots <= worker.slots):
        raise NotAdmitted(f"nobody asks {event.price} with {event.slots} of {worker.slots} slots")
    before, now = worker.posted, Posted(event.token, event.price, event.slots, event.at)
    if _says(before) == (_says(now) if event.slots else None):
        raise NotAdmitted("the same is posted already")
    worker.posted = now if event.slots else None
    if (
        before is None or worker.posted is None
    ):  # who joins is called for all there is, and who rests for nothing
        return
    for job in book.live.values():
        if _crossed(job, worker, before, now):
            yield from rounds.call(book, job, worker, messages.Call(job.id, job.order), event.at)


def lowest(book: Book, job: Job) -> Wei | None:
    """What is asked least at present by those who could render the job; None if nobody is known to.

    Where the posted ask would be taken, the one for the job counts: a small job can be asked more for.
    """
    prices = []
    for worker in book.workers.values():
        if not worker.online or worker.verifier or worker.blender != job.order.scene.blender:
            continue
        if worker.payout in job.barred or worker.id in job.declined:
            continue
        at_present, standing = price_in(worker, job.order.terms.token), job.asks.get(worker.id)
        if standing is not None and standing.code in (Reason.EXPIRED, BARRED):  # as of a worker that rests
            standing = None
        if at_present is not None and at_present > job.order.ceiling:
            prices.append(at_present)
        elif standing is not None:
            prices.append(standing.ask.price)
    return min(prices, default=None)


def price_in(worker: Worker, token: Address) -> Wei | None:
    """What the worker asks at present in a token; None if it posts nothing, or in another."""
    posted = worker.posted
    return None if posted is None or posted.token != token else posted.price


def _says(posted: Posted | None) -> tuple[bytes, int, int] | None:
    return None if posted is None else (posted.token, posted.price, posted.slots)


def _crossed(job: Job, worker: Worker, before: Posted, now: Posted) -> bool:
    terms, ceiling = job.order.terms, job.order.ceiling
    if job.phase is not JobPhase.OPEN or not before.token == now.token == terms.token:
        return False
    if (before.price > ceiling) == (now.price > ceiling):
        return False
    if worker.payout in job.barred or worker.id in job.declined:  # for reasons that are no price
        return False
    standing = job.asks.get(worker.id)  # None while the answer to a call is on its way
    return standing is None or (standing.ask.price > ceiling) != (now.price > ceiling)
