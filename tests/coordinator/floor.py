"""The floor over real ZeroMQ with CURVE, in this process, and workers that are played by hand."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from coordinator.playbook import JOB
from orders import an_order
from tegula_coordinator import depot, events, tiles
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.config import Config
from tegula_coordinator.court import Court
from tegula_coordinator.derive import Derive
from tegula_coordinator.jury import Setting
from tegula_coordinator.router import Floor
from tegula_coordinator.store import EventLog
from tegula_market import messages, vouchers
from tegula_market.adapters import exr, signing, wire
from tegula_market.digests import digest
from tegula_market.model import Address, Digest, Lease, Rect, Result, Signature, Wei, WorkerId
from tegula_market.vouchers import Domain

DOMAIN = Domain(31337, Address(b"\x0e" * 20))
OURS, VERIFIER = wire.CurveKeys.generate(), wire.CurveKeys.generate()
ORDER = an_order(resolution=(32, 32))
TILE = Rect(0, 0, 32, 32)
SPP = ORDER.scene.spp
NAME = "ViewLayer.Combined.R"
M = TypeVar("M")
BEAT = 0.05
"""Seconds; the shortest heartbeat of any test is four times as long."""


class Guest:
    """A worker played by hand."""

    def __init__(self, dealer: wire.Dealer, keys: wire.CurveKeys) -> None:
        self.dealer, self.keys, self.payout = dealer, keys, signing.Key.generate()

    def hello(self, **changes: Any) -> messages.Hello:
        binding = vouchers.binding_payload(DOMAIN, WorkerId(self.keys.public), self.payout.address)
        said = messages.Hello(
            self.payout.address, signing.sign(binding, self.payout), "4.5.15", "CPU", 1, verifier=False
        )
        return replace(said, **changes)

    async def hears(self, kind: type[M]) -> M:
        """The next message of that kind; others before it are let go."""
        while True:
            message = await self.dealer.receive()
            if isinstance(message, kind):
                return message

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """It is not taken for gone meanwhile, however long the log waits for its disk."""

        async def beat() -> None:
            while True:
                await self.dealer.send(messages.Heartbeat())
                await asyncio.sleep(BEAT)

        async with asyncio.TaskGroup() as tasks:
            beats = tasks.create_task(beat())
            yield
            beats.cancel()

    async def joins(self, **changes: Any) -> messages.Welcome:
        await self.dealer.send(self.hello(**changes))
        return await self.hears(messages.Welcome)

    def result(self, lease: Lease, image: Digest, by: signing.Key | None = None) -> messages.Deliver:
        payload = vouchers.result_payload(DOMAIN, lease.job, lease.unit, lease.attempt, image)
        signature = signing.sign(payload, by or self.payout)
        return messages.Deliver(Result(lease.id, image, 1.0, 0.0, "CPU", signature))


class Place:
    def __init__(self, keeper: Bookkeeper, blobs: BlobFolder, router: wire.Router, folder: Path) -> None:
        self.keeper, self.blobs, self.router, self.folder = keeper, blobs, router, folder

    @contextlib.asynccontextmanager
    async def guest(self, keys: wire.CurveKeys | None = None) -> AsyncIterator[Guest]:
        mine = keys or wire.CurveKeys.generate()
        async with wire.dealer(self.router.endpoint, OURS.public, mine) as dealer:
            yield Guest(dealer, mine)

    async def opens_a_job(self) -> None:
        opened = events.JobOpened(
            time.time(), JOB, ORDER, Digest(bytes(32)), Signature(bytes(65)), Wei(10**6)
        )
        await self.keeper.record(opened)

    async def image(self, value: float, rect: Rect = TILE, *, name: str = NAME) -> Digest:
        path = self.folder / "made.exr"
        plane = np.full((rect.height, rect.width), value, np.float32)
        exr.write(path, exr.Image(rect.width, rect.height, {name: plane}))
        data = path.read_bytes()

        async def once() -> AsyncIterator[bytes]:
            yield data

        await self.blobs.receive(digest(data), once())
        return digest(data)


@contextlib.asynccontextmanager
async def place(folder: Path, heartbeat: float) -> AsyncIterator[Place]:
    config = Config(
        "", *[folder] * 3, data=folder, verifiers=(WorkerId(VERIFIER.public),), heartbeat_seconds=heartbeat
    )
    log = EventLog(f"sqlite:///{folder / 'book.db'}")
    log.lead()
    keeper = Bookkeeper(Book(tiles.sizes, Timing(0.01, 100)), log)
    blobs = BlobFolder(folder / "blobs", 10**6)
    blobs.begin()
    async with wire.router("tcp://127.0.0.1:*", OURS) as router, asyncio.TaskGroup() as tasks:
        derive = Derive(OURS.secret)
        court = Court(Setting(depot.where(config), str(folder / "evidence"), DOMAIN), derive)
        floor = Floor(router, keeper, blobs, court, derive, DOMAIN, config)
        running = [
            tasks.create_task(work)
            for work in (keeper.keep(floor.carry_out), floor.listen(), floor.watch(), floor.judge())
        ]
        yield Place(keeper, blobs, router, folder)
        for task in running:
            task.cancel()
    log.close()
