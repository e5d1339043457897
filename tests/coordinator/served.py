"""A house that listens on loopback, for browsers, with tiles that can be seen."""

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI

from coordinator.house import House
from coordinator.playbook import JUDGE, joined, result
from tegula_coordinator import events
from tegula_coordinator.book import Job, NotAdmitted
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.digests import digest
from tegula_market.model import (
    Ask,
    Digest,
    JobId,
    LeaseId,
    Order,
    Outcome,
    Verdict,
    Wei,
    WorkerId,
    lease_parts,
)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def served(app: FastAPI, port: int = 0) -> AsyncIterator[str]:
    """Its URL."""
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = _Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True


async def upload_tile(it: House, order: Order, unit: int) -> Digest:
    """A part of a picture that gets redder to the right and greener downwards."""
    whole = tiling.frames(order)[0]
    rect = tiling.tile(order, unit).rendered
    y, x = np.mgrid[rect.y0 : rect.y1, rect.x0 : rect.x1].astype(np.float32)
    planes = {"R": x / whole.width, "G": y / whole.height, "B": np.full_like(x, 0.2), "A": np.ones_like(x)}
    channels = {f"ViewLayer.Combined.{name}": plane for name, plane in planes.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.exr"
        exr.write(path, exr.Image(rect.width, rect.height, channels))
        data = path.read_bytes()
    await it.upload(data)
    return digest(data)


class Floor:
    """Plays workers and a verifier, tile by tile, through the book."""

    def __init__(self, it: House, order: Order, job: JobId) -> None:
        self.it, self.order, self.job = it, order, job

    async def opens(self, *asks: tuple[WorkerId, int, int, str]) -> None:
        """Workers that come and ask: name, price, slots, device. The judge is there, too."""
        now = time.time()
        await self.it.keeper.record(joined(JUDGE, at=now))
        for worker, price, slots, device in asks:
            come = joined(worker, slots=slots, at=now)
            assert isinstance(come, events.WorkerJoined)
            await self.it.keeper.record(replace(come, device=device))
            token = self.order.terms.token
            await self.it.keeper.record(events.AskPosted(now, worker, token, Wei(price), slots))
            ask = Ask(worker, self.job, Wei(price), slots, 2_000_000_000)
            await self.it.keeper.record(events.AskArrived(now, ask, warm=False))
        with contextlib.suppress(NotAdmitted):  # the round has ended by itself
            await self.it.keeper.record(events.CallEnded(now, self.job))

    async def renders(self, tiles: int) -> None:
        """So many of the tiles that are leased, delivered, and accepted once their batch is full."""
        for _ in range(tiles):
            await self.delivers()
            for lease in list(self.it.keeper.book.probers):
                await self.judges(lease, Outcome.ACCEPTED)

    async def delivers(self) -> LeaseId:
        """The first of all tiles that are leased."""
        book = self.it.keeper.book
        lease = min(self._job.leases.values(), key=lambda each: (each.id in self._delivered, each.unit))
        device = book.workers[lease.worker].device
        image = await upload_tile(self.it, self.order, lease.unit)
        brought = replace(result(lease.id), image=image, device=device)
        await self.it.keeper.record(
            events.ResultArrived(time.time(), lease.worker, brought, Digest(bytes(32)))
        )
        return lease.id

    async def judges(self, lease: LeaseId, outcome: Outcome, statistic: float | None = None) -> None:
        """With all of its batch, if it is accepted."""
        others = [each for each in self._job.batches[lease] if each != lease]
        seen = lease_parts(lease)[1] % 7 / 4 if statistic is None else statistic
        said = Verdict(lease, outcome, seen, 2.0, 256, 0.1, "because", bytes(32))
        rest = tuple(replace(said, lease=each, probe_pixels=0) for each in others)
        number = self.it.keeper.book.probers[lease].number
        event = events.Judged(time.time(), said, rest if outcome is Outcome.ACCEPTED else (), number, ())
        await self.it.keeper.record(event)

    @property
    def _job(self) -> Job:
        return self.it.keeper.book.jobs[self.job]

    @property
    def _delivered(self) -> set[LeaseId]:
        return set().union(*self._job.unjudged.values())
