"""A stage for the worker: the test plays the coordinator on real sockets, escrow and renderer are fakes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fakes import TOKEN, BlobServer, FakeEscrow, FakeRenderer
from orders import an_order
from tegula_market import auction, codec, messages, tiling, vouchers
from tegula_market.adapters import chain, signing, wire
from tegula_market.adapters.signing import Key
from tegula_market.adapters.wire import CurveKeys, Router
from tegula_market.digests import digest
from tegula_market.model import (
    ETHER,
    Address,
    JobId,
    Lease,
    Order,
    Outcome,
    SceneFile,
    SceneManifest,
    SignedVoucher,
    Terms,
    Verdict,
    Voucher,
    Wei,
    WorkerId,
    lease_id,
)
from tegula_market.vouchers import Domain
from tegula_worker import program
from tegula_worker.config import Config

T = TypeVar("T", bound=messages.Message)

SOON = 120.0
BEAT = 2.0
"""A busy machine stands still for a while; five of these without a word, and the worker says HELLO again."""
BLEND = b"BLENDER of a test"
TWIN = b"another kernel: "
DOMAIN = Domain(31_337, Address(b"\x05" * 20))


@dataclass
class Stage:
    """Everything that outlives a worker: keys, money, blobs, and where the coordinator is to be found."""

    server: BlobServer
    data: Path
    escrow: FakeEscrow = field(default_factory=lambda: FakeEscrow(DOMAIN))
    renderer: FakeRenderer = field(default_factory=FakeRenderer)
    twin: FakeRenderer = field(default_factory=lambda: FakeRenderer(TWIN))
    curve: CurveKeys = field(default_factory=CurveKeys.generate)
    coordinator: Key = field(default_factory=Key.generate)
    signer: Key = field(default_factory=Key.generate)
    meter: Any = None
    """Measures the machine; None is the real one."""
    endpoint: str = "tcp://127.0.0.1:*"

    def config(self, **change: Any) -> Config:
        known = {"rpc": "http://rpc", "price": Wei(10_000_000), "data": self.data, "token": ETHER}
        return Config(self.server.url, **{**known, **change})

    def order(self, manifest: SceneManifest | None = None) -> Order:
        """Two tiles; its scene is uploaded."""
        listed = manifest or SceneManifest("s.blend", (SceneFile("s.blend", digest(BLEND), len(BLEND)),))
        self.server.put(BLEND)
        terms = Terms(
            Address(b"\x01" * 20),
            self.signer.address,
            self.coordinator.address,
            ETHER,
            int(time.time()) + 86_400,
            3600,
            bytes(32),
        )
        return an_order(
            terms=terms,
            manifest=self.server.put(codec.dumps(listed)),
            resolution=(64, 32),
            overscan=3,
            ceiling=Wei(20_000_000),
        )

    def fund(self, order: Order) -> JobId:
        sizes = [tiling.size(tile, order.scene) for tile in tiling.split(order)]
        self.escrow.open(order.terms, auction.most(sizes, order.ceiling), self.signer)
        return chain.job_id(order.terms)

    def voucher(self, job: JobId, worker: Address, cumulative: int) -> SignedVoucher:
        voucher = Voucher(job, worker, Wei(cumulative))
        payload = vouchers.voucher_payload(DOMAIN, voucher)
        return SignedVoucher(
            voucher, signing.sign(payload, self.signer), signing.sign(payload, self.coordinator)
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Played"]:
        """The coordinator, at the same address every time."""
        async with wire.router(self.endpoint, self.curve) as hub:
            self.endpoint = hub.endpoint
            about = {
                "protocol": "tm1",
                "coordinator": codec.encode(self.coordinator.address),
                "chain_id": DOMAIN.chain_id,
                "escrow": codec.encode(DOMAIN.escrow),
                "router": hub.endpoint,
                "curve_key": codec.encode(self.curve.public),
            }
            self.server.about = json.loads(json.dumps(about))
            yield Played(hub)

    async def work(self, **change: Any) -> None:
        """A worker, until it ends."""
        both = {"renderer": self.renderer, "twin": self.twin, "meter": self.meter}
        await program.run(self.config(**change), **both)  # type: ignore[arg-type]


class Played:
    """The coordinator's lines."""

    def __init__(self, hub: Router) -> None:
        self._hub = hub
        self.worker = WorkerId(b"")
        self._answers = False
        self.posted: messages.Post | None = None
        """The last one."""

    async def say(self, message: messages.FromCoordinator) -> None:
        assert await self._hub.send(self.worker, message)

    async def hear(self, kind: type[T]) -> T:
        """The worker's next word, which has to be of that kind; greetings come more than once."""
        async with asyncio.timeout(SOON):
            while True:
                self.worker, said = await self._hub.receive()
                if isinstance(said, messages.Post):
                    self.posted = said
                if isinstance(said, messages.Heartbeat) and self._answers:
                    await self._hub.send(self.worker, messages.Heartbeat())  # it may have been killed since
                if isinstance(said, kind):
                    return said
                beside = messages.Heartbeat | messages.Hello | messages.Bye | messages.Post
                assert isinstance(said, beside), said

    async def welcome(self, beat: float = BEAT) -> messages.Hello:
        hello = await self.hear(messages.Hello)
        await self.say(messages.Welcome(TOKEN, beat))
        self._answers = True
        return hello

    async def lease(self, order: Order, unit: int = 0, attempt: int = 1, **change: Any) -> Lease:
        """Leased at the price that the worker asks."""
        job = chain.job_id(order.terms)
        size = tiling.size(tiling.split(order)[unit], order.scene)
        price = auction.price_of(size, Wei(10_000_000))
        lease = Lease(lease_id(job, unit, attempt), job, unit, self.worker, price, attempt, 2**40)
        lease = replace(lease, **change)
        await self.say(messages.Grant(lease, digest(b"salt")))
        return lease

    async def taken(self, order: Order) -> messages.AskFor:
        await self.say(messages.Call(chain.job_id(order.terms), order))
        return await self.hear(messages.AskFor)

    async def accept(self, lease: Lease) -> None:
        verdict = Verdict(lease.id, Outcome.ACCEPTED, 0.0, 1.0, 64, 0.1, "equal", bytes(32))
        await self.say(messages.Decided(verdict, lease.price))

    async def reject(self, lease: Lease) -> None:
        verdict = Verdict(lease.id, Outcome.REJECTED, 9.0, 5.0, 64, 0.1, "unequal", bytes(32))
        await self.say(messages.Decided(verdict, Wei(0)))


def connect_to(escrow: FakeEscrow, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(chain.Escrow, "connect", lambda _rpc, _address, _dispatch=None: escrow)
