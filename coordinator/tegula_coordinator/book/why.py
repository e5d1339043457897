"""Why a unit is no further, and why a worker renders nothing: a code for programs, a sentence for people.

All of it follows from the book as it is; nothing is kept. What an auction said of an ask stands with the ask.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from tegula_coordinator.book import audits, posted, rounds
from tegula_coordinator.book.job import BARRED, Job
from tegula_coordinator.book.state import Book, Worker
from tegula_market.auction import Reason
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import LeaseId

DRAINING = "The coordinator is about to end; it leases again when it is back."


class Code(StrEnum):
    DRAINING = "DRAINING"
    NO_DEPOSIT = "NO_DEPOSIT"
    ROUND_OPEN = "ROUND_OPEN"
    NO_WORKERS = "NO_WORKERS"
    NO_ASKS = "NO_ASKS"
    ABOVE_CEILING = "ABOVE_CEILING"
    NOBODY_TAKEN = "NOBODY_TAKEN"
    GIVEN_BACK = "GIVEN_BACK"
    SLOTS_FULL = "SLOTS_FULL"
    WAITS_FOR_VERDICTS = "WAITS_FOR_VERDICTS"
    WAITS_FOR_VOUCHERS = "WAITS_FOR_VOUCHERS"
    RENDERING = "RENDERING"
    BATCH_GROWS = "BATCH_GROWS"
    NO_VERIFIER = "NO_VERIFIER"
    VERIFIERS_BUSY = "VERIFIERS_BUSY"
    PROBED = "PROBED"
    LOOKED_AT_AGAIN = "LOOKED_AT_AGAIN"
    ACCEPTED = "ACCEPTED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"
    OFFLINE = "OFFLINE"
    BANNED = "BANNED"
    NO_JOBS = "NO_JOBS"
    DECLINED = "DECLINED"
    BARRED = "BARRED"
    NO_ASK = "NO_ASK"
    ALL_LEASED = "ALL_LEASED"


@dataclass(frozen=True, slots=True)
class Why:
    code: str
    """A Code, or an auction's Reason."""
    sentence: str


def unit(book: Book, job: Job, index: int) -> Why:
    state = job.units[index]
    match state.phase:
        case Phase.OPEN:
            return _open(book, job, index)
        case Phase.LEASED:
            if state.second is not None:
                return Why(Code.RENDERING, "Two workers render it, since one is late; the first is paid.")
            return Why(Code.RENDERING, "A worker renders it.")
        case Phase.DELIVERED:
            assert state.lease is not None
            return _delivered(book, job, state.lease)
        case Phase.ACCEPTED:
            return Why(Code.ACCEPTED, "It is accepted.")
        case Phase.DEAD:
            return Why(Code.DEAD, f"It failed too often, in {state.attempt} attempts.")
        case Phase.CANCELLED:
            return Why(Code.CANCELLED, f"The job has ended: {job.reason}.")
        case _:
            assert_never(state.phase)


def worker(book: Book, worker: Worker) -> Why:
    """Why it renders nothing; of several jobs the reason of the one that came nearest to giving it work."""
    if worker.id in book.banned:
        return Why(Code.BANNED, f"The operator has banned it: {book.banned[worker.id].reason}.")
    if not worker.online:
        return Why(Code.OFFLINE, "It is not connected.")
    if worker.leases or worker.probes:
        return Why(Code.RENDERING, f"It has {len(worker.leases) + len(worker.probes)} tiles.")
    if book.draining:
        return Why(Code.DRAINING, DRAINING)
    jobs = [job for job in book.live.values() if job.phase is JobPhase.OPEN]
    reasons = {job.id: _idle(book, job, worker) for job in jobs}
    if not reasons:
        return Why(Code.NO_JOBS, "No job is open.")
    nearest = min(reasons.values(), key=lambda why: why.code in _OUT_OF_REACH)
    if nearest.code == Reason.ABOVE_CEILING:
        return _too_dear(worker, [job for job in jobs if reasons[job.id].code == nearest.code]) or nearest
    return nearest


def _too_dear(worker: Worker, jobs: list[Job]) -> Why | None:
    """By what it asks at present, which may be another price than the one that was refused."""
    best = max(jobs, key=lambda job: job.order.ceiling)
    price = posted.price_in(worker, best.order.terms.token)
    if price is None or price <= best.order.ceiling:
        return None
    least = f"the jobs that wait for a lower price pay {best.order.ceiling} at most"
    return Why(Reason.ABOVE_CEILING, f"It asks {price} a megasample at present; {least}.")


_OUT_OF_REACH = frozenset({Code.DECLINED, Code.BARRED, Code.NO_ASK})


def _open(book: Book, job: Job, index: int) -> Why:
    if book.draining:
        return Why(Code.DRAINING, DRAINING)
    if job.adrift:
        return Why(Code.NO_DEPOSIT, "The chain does not have the job's deposit at the moment.")
    if not any(each.online and not each.verifier for each in book.workers.values()):
        return Why(Code.NO_WORKERS, "No worker is online.")
    able = [book.workers[name] for name in job.taken if index not in job.returned.get(name, set())]
    if able:
        return min((_held_up(book, job, each, index) for each in able), key=lambda why: why.code)
    if job.calling:
        return Why(Code.ROUND_OPEN, "Workers are being asked; the round ends in seconds.")
    if not job.asks:
        declined = f", and {len(job.declined)} declined" if job.declined else ""
        return Why(Code.NO_ASKS, f"No worker has asked for the job{declined}.")
    if job.taken:
        return Why(Code.GIVEN_BACK, "Every worker that was taken has given it back.")
    if waits_for_price(job):
        least, most = posted.lowest(book, job), job.order.ceiling
        said = f"The lowest ask at present is {least} a megasample" if least else "Nobody asks at present"
        return Why(Code.ABOVE_CEILING, f"{said}; the job pays {most}, and waits until its deadline.")
    return Why(Code.NOBODY_TAKEN, "None of the asks that stand could be taken; each says why.")


def waits_for_price(job: Job) -> bool:
    """Nobody works for it, and whoever would asks more than it pays."""
    standing = [each.code for each in job.asks.values() if each.code not in (Reason.EXPIRED, BARRED)]
    return not job.taken and bool(standing) and all(code == Reason.ABOVE_CEILING for code in standing)


def _held_up(book: Book, job: Job, worker: Worker, index: int) -> Why:
    """Why a worker that was taken does not have the open unit."""
    ask = job.taken[worker.id]
    if audits.room(book, job, worker) <= 0:
        return Why(Code.WAITS_FOR_VERDICTS, "As much is not judged yet as may be of these workers' results.")
    if rounds.holds_back(job, worker, ask, index):
        return Why(Code.WAITS_FOR_VOUCHERS, "Workers wait for vouchers of what was accepted.")
    taken = "worker that was" if len(job.taken) == 1 else f"{len(job.taken)} workers that were"
    return Why(Code.SLOTS_FULL, f"All slots of the {taken} taken are full.")


def _delivered(book: Book, job: Job, lease: LeaseId) -> Why:
    if any(lease in held for held in job.held.values()):
        return Why(Code.BATCH_GROWS, "It waits for the rest of its batch, of which one tile is probed.")
    drawn = next((chosen for chosen, batch in job.batches.items() if lease in batch), lease)
    if drawn in book.probers:
        if drawn in book.suspected:
            return Why(Code.LOOKED_AT_AGAIN, "A few probes looked wrong; all of it is rendered again.")
        return Why(Code.PROBED, "A verifier renders probes of its batch.")
    blender = job.order.scene.blender
    able = (each for each in book.workers.values() if each.verifier and each.online)
    if not any(each.blender == blender for each in able):
        return Why(Code.NO_VERIFIER, f"No verifier with Blender {blender} is online.")
    return Why(Code.VERIFIERS_BUSY, "Every verifier that could look at it is busy.")


def _idle(book: Book, job: Job, worker: Worker) -> Why:
    if worker.payout in job.barred:
        return Why(Code.BARRED, f"It gets no more of the job: {job.barred[worker.payout]}.")
    if worker.id in job.taken:
        index = next(iter(job.open_units), None)
        if index is None:
            return Why(Code.ALL_LEASED, "Its ask was taken, and others render all that was open.")
        if index in job.returned.get(worker.id, set()):
            return Why(Code.GIVEN_BACK, "It has given back what is open.")
        return (
            Why(Code.NO_DEPOSIT, "The deposit is lost.") if job.adrift else _held_up(book, job, worker, index)
        )
    standing = job.asks.get(worker.id)
    if standing is None:
        if worker.id in job.declined:
            return Why(Code.DECLINED, f"It declined: {job.declined[worker.id]}.")
        return Why(Code.NO_ASK, "It was called and has not asked.")
    if standing.code:
        return Why(standing.code, standing.reason)
    return Why(Code.ROUND_OPEN, "Its ask stands; the round ends in seconds.")
