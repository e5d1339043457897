"""The order book: what is asked at present by workers that are there, and what jobs bid whose tiles are open.

Nothing in it names a worker, a job or a requester. It is made anew for each look, which costs a step for each
worker and for each open tile: 10 ms for one job of 200,000.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

from tegula_coordinator.bodies import Bid, DeviceAsks, Level, OrderBook, TokenBook
from tegula_coordinator.book import Book, Job
from tegula_market import codec
from tegula_market.lifecycle import JobPhase
from tegula_market.model import MEGASAMPLE, Address, Wei

Offer = tuple[Wei, int]
"""Price and slots."""


def of(book: Book, now: float) -> OrderBook:
    """
    Args:
        now: Unix seconds.
    """
    offers: dict[Address, dict[tuple[str, str], list[Offer]]] = defaultdict(lambda: defaultdict(list))
    for worker in book.workers.values():
        if worker.online and worker.posted is not None:
            posted = worker.posted
            offers[posted.token][worker.device, worker.blender].append((posted.price, posted.slots))
    bids: dict[Address, list[Job]] = defaultdict(list)
    for job in book.live.values():
        if job.phase is JobPhase.OPEN and job.open_units:
            bids[job.order.terms.token].append(job)
    tokens = sorted({*offers, *bids})
    return OrderBook(at=now, tokens=[_token(token, offers[token], bids[token]) for token in tokens])


def _token(token: Address, offers: dict[tuple[str, str], list[Offer]], jobs: list[Job]) -> TokenBook:
    classes = [
        DeviceAsks(device=device, blender=blender, asks=_levels(offers[device, blender]))
        for device, blender in sorted(offers)
    ]
    best_first = sorted(jobs, key=lambda job: (-job.order.ceiling, job.order.terms.deadline))
    return TokenBook(token=codec.encode(token), classes=classes, bids=[_bid(job) for job in best_first])


def _levels(offers: Iterable[Offer]) -> list[Level]:
    """One for each price, the lowest first."""
    slots: dict[Wei, int] = defaultdict(int)
    for price, number in offers:
        slots[price] += number
    prices = sorted(slots)
    sums = accumulate(slots[price] for price in prices)
    return [
        Level(price=str(price), slots=slots[price], cumulative=total)
        for price, total in zip(prices, sums, strict=True)
    ]


def _bid(job: Job) -> Bid:
    return Bid(
        ceiling=str(job.order.ceiling),
        blender=job.order.scene.blender,
        tiles=len(job.open_units),
        megasamples=sum(map(job.sizes.__getitem__, job.open_units)) / MEGASAMPLE,
        deadline=job.order.terms.deadline,
        taken=len(job.taken),
    )
