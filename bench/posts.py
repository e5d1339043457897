"""What posted asks cost a coordinator's book, in seconds of a core: 1,000 workers, 100 jobs that wait."""

import json
import time

from tegula_coordinator import events
from tegula_coordinator.book import Book, Timing, step
from tegula_market.digests import digest
from tegula_market.model import (
    ETHER,
    NOBODY,
    Address,
    Ask,
    Digest,
    JobId,
    Order,
    Scene,
    Signature,
    Terms,
    Wei,
    WorkerId,
)

WORKERS, JOBS, TILES, BLENDER = 1000, 100, 40, "4.5.15"
CEILING, DEAR = Wei(100), Wei(120)
END = 2_000_000_000
FALLS = {"above": Wei(110), "across": Wei(90), "below": Wei(80)}
"""A price that comes down, and where it does to all of the jobs' ceilings."""


def main() -> None:
    book, asks = _waiting()
    found: dict[str, float] = {"workers": WORKERS, "jobs": JOBS}
    for name, price in FALLS.items():
        posts = [_posted(worker, price) for worker in asks]
        began, calls = time.process_time(), 0
        for post in posts:
            calls += sum(type(command).__name__ == "Tell" for command in step(book, post))
        found |= {f"{name}_seconds": round(time.process_time() - began, 4), f"{name}_calls": calls}
    print(json.dumps(found))


def _waiting() -> tuple[Book, list[WorkerId]]:
    """All workers ask too much for all of the jobs."""
    book = Book(lambda _: (2_000_000,) * TILES, Timing(call_seconds=1, lease_seconds=600))
    workers = [WorkerId(digest(b"%d" % number)) for number in range(WORKERS)]
    for worker in workers:
        step(book, events.WorkerJoined(0.0, worker, Address(worker[:20]), BLENDER, "CPU", 2, verifier=False))
        step(book, _posted(worker, DEAR))
    for number in range(JOBS):
        job = JobId(digest(b"job %d" % number))
        step(book, events.JobOpened(0.0, job, _order(), Digest(bytes(32)), Signature(bytes(65)), Wei(10**9)))
        for worker in workers:
            step(book, events.AskArrived(0.0, Ask(worker, job, DEAR, 2, END), warm=False))
        step(book, events.CallEnded(1.0, job))
    return book, workers


def _posted(worker: WorkerId, price: Wei) -> events.AskPosted:
    return events.AskPosted(2.0, worker, ETHER, price, 2)


def _order() -> Order:
    terms = Terms(NOBODY, NOBODY, NOBODY, ETHER, END, 3600, bytes(32))
    scene = Scene(Digest(bytes(32)), BLENDER, 320, 200, 100, None, False, 16, 0, None, 1)
    return Order(terms, scene, (1,), 32, 0, CEILING)


if __name__ == "__main__":
    main()
