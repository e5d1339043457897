"""How long a coordinator takes to start, from all events and from a checkpoint, and what log and book take.

The events are the book's own: jobs whose tiles are leased, delivered, judged, paid and closed. Nothing is
rendered, and signatures and digests are random bytes, which compress as badly as real ones.
"""

import random
import resource
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tegula_coordinator import events, scribe, tiles
from tegula_coordinator.book import Book, shelf, step
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import SendLease, SendProbe
from tegula_coordinator.events import Event
from tegula_coordinator.scribe import Setting
from tegula_coordinator.store import EventLog
from tegula_market.adapters import logs
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    LeaseId,
    Order,
    Outcome,
    Result,
    Scene,
    Signature,
    SignedVoucher,
    Terms,
    Verdict,
    Voucher,
    Wei,
    WorkerId,
)

WORKERS, SLOTS = 20, 4
FRAMES, TILES = 25, 4
"""Of a job, and of a frame."""
BATCH = 1000
LATER = 2_000_000_000
MIB = 1 << 20


def order() -> Order:
    me, nobody = Address(b"\x01" * 20), Address(bytes(20))
    terms = Terms(me, me, me, nobody, LATER, 3600, bytes(32), 0, nobody, nobody, 0)
    scene = Scene(Digest(bytes(32)), "4.5.15", 64, 64, 100, None, False, 16, 0, None, 1)
    return Order(terms, scene, tuple(range(1, FRAMES + 1)), 64 // int(TILES**0.5), 0, Wei(100), None)


class Market:
    """Makes a log by playing jobs into a book, one after the other."""

    def __init__(self, setting: Setting, order: Order, log: EventLog) -> None:
        self.book = Book(tiles.sizes, setting.timing)
        self._order, self._log = order, log
        self._random = random.Random(1)
        self._batch: list[Event] = []
        self._now = 1_000_000.0
        self.written = 0
        self._workers = [WorkerId(self._random.randbytes(32)) for _ in range(WORKERS + 1)]
        for number, worker in enumerate(self._workers):
            verifies = number == WORKERS
            slots = WORKERS * SLOTS if verifies else SLOTS
            blender = order.scene.blender
            payout = Address(worker[:20])
            self._play(events.WorkerJoined(self._now, worker, payout, blender, "CPU", slots, verifies))

    def job(self) -> None:
        job = JobId(self._random.randbytes(32))
        opened = events.JobOpened(self._now, job, self._order, self._digest(), self._signature(), Wei(10**18))
        self._play(opened)
        for worker in self._workers[:WORKERS]:
            self._play(events.AskArrived(self._now, Ask(worker, job, Wei(40), SLOTS, LATER), warm=False))
        self._play(events.CallEnded(self._now, job))
        ledger = self.book.jobs[job].ledger
        for payee, owed in list(ledger.owed.items()):
            signed = SignedVoucher(Voucher(job, payee, owed), self._signature(), self._signature())
            self._play(events.VoucherSigned(self._now, signed))
        self._play(events.JobClosed(self._now, job, ledger.total_owed, self._signature()))
        shelf.put_away(self.book.jobs[job])

    def forget(self) -> None:
        """All jobs, as when they are over for `retention_days`."""
        for job in self.book.jobs:
            self._play(events.JobForgotten(self._now, job))

    def end(self) -> None:
        """All events are in the log then."""
        self._log.append(self._batch)
        self._batch = []

    def _play(self, event: Event) -> None:
        """With all that follows from it."""
        coming = deque([event])
        while coming:
            self._now += 0.01
            happens = replace(coming.popleft(), at=self._now)
            self._batch.append(happens)
            self.written += 1
            if len(self._batch) == BATCH:
                self.end()
            for command in step(self.book, happens):
                match command:
                    case SendLease(lease):
                        result = Result(lease.id, self._digest(), 1.0, 0.0, "CPU", self._signature())
                        coming.append(events.ResultArrived(0.0, lease.worker, result, self._digest()))
                    case SendProbe():
                        others = (each.lease for each in command.batch if each.lease != command.lease)
                        verdict, *rest = map(self._verdict, (command.lease, *others))
                        coming.append(events.Judged(0.0, verdict, tuple(rest), command.number, ()))

    def _verdict(self, lease: LeaseId) -> Verdict:
        reason = "every pixel is as its probe says"
        return Verdict(lease, Outcome.ACCEPTED, 0.5, 2.0, 256, 0.1, reason, self._digest())

    def _digest(self) -> Digest:
        return Digest(self._random.randbytes(32))

    def _signature(self) -> Signature:
        return Signature(self._random.randbytes(65))


@dataclass(frozen=True, slots=True)
class Start:
    seconds: float
    peak: int
    """Bytes of memory, at most."""


def start(setting: Setting) -> Start:
    """In a process of its own, whose memory nothing else has touched."""
    logs.configure(-1)
    began = time.perf_counter()
    with closing(EventLog(setting.database)) as log:
        Bookkeeper(Book(tiles.sizes, setting.timing), log).replay()
    took = time.perf_counter() - began
    return Start(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def write(setting: Setting) -> Start:
    logs.configure(-1)
    began = time.perf_counter()
    scribe.write(setting)
    took = time.perf_counter() - began
    return Start(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def apart(run: Callable[[Setting], Start], setting: Setting) -> Start:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (setting,))


def main(
    number: Annotated[int, typer.Option("--events", help="of the log, at least")] = 200_000,
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "book.db"
        setting = Setting(f"sqlite:///{file}", call_seconds=2, lease_seconds=100)
        with closing(EventLog(setting.database)) as log:
            log.lead()
            market = Market(setting, order(), log)
            began = time.perf_counter()
            while market.written < number:
                market.job()
            market.end()
            took = time.perf_counter() - began
            units = len(market.book.jobs) * FRAMES * TILES
            print(
                f"{market.written:,} events, {units:,} tiles in {len(market.book.jobs):,} closed jobs,",
                end="",
            )
            print(f" made in {took:.0f} s; the database has {log.extent().bytes / MIB:.0f} MiB")
            replayed = apart(start, setting)
            print(f"start from all events: {replayed.seconds:.1f} s,", end="")
            print(
                f" {market.written / replayed.seconds:,.0f} a second; {replayed.peak / MIB:.0f} MiB of memory"
            )
            written = apart(write, setting)
            made = log.checkpoints.all()[0]
            print(f"checkpoint: {made.size / MIB:.1f} MiB, {written.seconds:.1f} s with the replay;", end="")
            print(f" {written.peak / MIB:.0f} MiB of memory in that program")
            begun = apart(start, setting)
            print(f"start from the checkpoint: {begun.seconds:.2f} s, {begun.peak / MIB:.0f} MiB of memory")
            began = time.perf_counter()
            gone = log.cut(made)
            print(f"cut: {gone:,} events in {time.perf_counter() - began:.1f} s;", end="")
            print(f" the database has {log.extent().bytes / MIB:.1f} MiB in use")
            market.forget()
            market.end()
            apart(write, setting)
            made, begun = log.checkpoints.all()[0], apart(start, setting)
            print(f"all jobs forgotten: checkpoint {made.size / MIB:.1f} MiB, start from it", end="")
            print(f" {begun.seconds:.2f} s, {begun.peak / MIB:.0f} MiB of memory")


if __name__ == "__main__":
    typer.run(main)
