"""A real coordinator with simulated workers, and the bare ZeroMQ echo that its load is held against.

The workers answer each lease with an image that was rendered by nobody. The echo is a ROUTER and as many
DEALERs with CURVE in two processes, with messages of a lease's size.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq
import zmq.asyncio

from tegula import local, programs
from tegula_blender.client import Client
from tegula_market import codec, messages, tiling, vouchers
from tegula_market.adapters import devchain, exr, signing, wire
from tegula_market.digests import digest
from tegula_market.model import (
    Digest,
    LeaseId,
    Order,
    Result,
    Scene,
    SceneFile,
    SceneManifest,
    Terms,
    Wei,
    WorkerId,
)
from tegula_market.vouchers import Domain

EDGE = 8
"""Of a tile: so small that its probe is the whole tile, and one image serves for all of them."""
CHANNELS = ("ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B", "ViewLayer.Combined.A")


class Simulated:
    """A worker, or the verifier, that renders nothing."""

    def __init__(
        self, dealer: wire.Dealer, keys: wire.CurveKeys, domain: Domain, image: Digest, seconds: float
    ) -> None:
        self._dealer = dealer
        self._seconds = seconds
        self._keys = keys
        self._domain = domain
        self._image = image
        self._payout = signing.Key.generate()

    async def work(self, slots: int, *, verifier: bool) -> None:
        binding = vouchers.binding_payload(self._domain, WorkerId(self._keys.public), self._payout.address)
        signature = signing.sign(binding, self._payout)
        hello = messages.Hello(self._payout.address, signature, "4.5.15", "none", slots, verifier)
        await self._dealer.send(hello)
        while True:
            match await self._dealer.receive():
                case messages.Call(job):
                    ask = messages.AskFor(job, Wei(40), slots, 2_000_000_000, warm=True)
                    await self._dealer.send(ask)
                case messages.Grant(lease):
                    await asyncio.sleep(self._seconds)
                    await self._dealer.send(
                        messages.Deliver(self._result(lease.id, lease.job, lease.unit, lease.attempt))
                    )
                case messages.Probe(lease, rects=rects):
                    await self._dealer.send(messages.Probed(lease, (self._image,) * len(rects), (), 0.0))
                case _:
                    pass

    def _result(self, lease: LeaseId, job: bytes, unit: int, attempt: int) -> Result:
        payload = vouchers.result_payload(self._domain, job, unit, attempt, self._image)  # type: ignore[arg-type]
        return Result(lease, self._image, 0.0, 0.0, "none", signing.sign(payload, self._payout))


@dataclass(frozen=True, slots=True)
class Site:
    net: devchain.DevChain
    url: str
    token: str


@asynccontextmanager
async def market(folder: Path, workers: int, seconds: float = 0.0) -> AsyncIterator[Site]:
    """A real coordinator with a simulated verifier and so many simulated workers.

    Args:
        seconds: that a worker takes for a tile.
    """
    async with AsyncExitStack() as stack:
        net = stack.enter_context(devchain.devchain())
        keys = [wire.CurveKeys.generate() for _ in range(workers + 1)]
        url, token = local.coordinator(stack, folder / "coordinator", net, codec.encode(keys[0].public))
        client = Client(url, token)
        stack.callback(client.disconnect)
        about, made = client.about(), image(folder)
        client.blobs.upload_bytes(made)
        domain = Domain(about.chain_id, about.escrow)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = []
        for index, mine in enumerate(keys):
            dealer = await stack.enter_async_context(wire.dealer(about.router, about.curve_key, mine))
            worker = Simulated(dealer, mine, domain, digest(made), seconds if index else 0.0)
            running.append(tasks.create_task(worker.work(8 if index else 64, verifier=not index)))
        yield Site(net, url, token)
        for task in running:
            task.cancel()


def order(net: devchain.DevChain, client: Client, tiles: int, columns: int) -> tuple[Order, signing.Key]:
    """A job of so many tiles, a multiple of the number of columns, and its session key."""
    blend = b"BLENDER, but nobody looks"
    manifest = SceneManifest("none.blend", (SceneFile("none.blend", digest(blend), len(blend)),))
    for blob in (blend, codec.dumps(manifest)):
        client.blobs.upload_bytes(blob)
    session = signing.Key.generate()
    terms = Terms(
        net.key(1).address,
        session.address,
        client.about().coordinator,
        net.dollar,
        int(time.time()) + 36_000,
        3600,
        secrets.token_bytes(32),  # type: ignore[arg-type]
    )
    width = columns * EDGE
    scene = Scene(
        digest(codec.dumps(manifest)),
        "4.5.15",
        width,
        tiles // columns * EDGE,
        100,
        None,
        False,
        1,
        0,
        None,
        1,
    )
    made = Order(terms, scene, (1,), EDGE, 0, Wei(100))
    assert tiling.count(made) == tiles
    return made, session


def image(folder: Path) -> bytes:
    planes = {name: np.full((EDGE, EDGE), 0.5, np.float32) for name in CHANNELS}
    exr.write(folder / "image.exr", exr.Image(EDGE, EDGE, planes))
    return (folder / "image.exr").read_bytes()


def echo(round_trips: int, peers: int) -> float:
    """Round trips a second between a bare ROUTER and DEALERs, with CURVE, in two processes."""
    with _answering() as (endpoint, key):
        return asyncio.run(_echo(endpoint, key, round_trips, peers))


async def _echo(endpoint: str, key: bytes, round_trips: int, peers: int) -> float:
    context = zmq.asyncio.Context()
    frames = [b"tm1", b"LEASE", bytes(500)]

    async def ask(times: int) -> None:
        public, secret = zmq.curve_keypair()
        socket = context.socket(zmq.DEALER)
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, key
        socket.connect(endpoint)
        for _ in range(times):
            await socket.send_multipart(frames)
            await socket.recv_multipart()
        socket.close(0)

    first = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(peers):
            tasks.create_task(ask(round_trips // peers))
    rate = round_trips // peers * peers / (time.perf_counter() - first)
    context.term()
    return rate


@contextmanager
def _answering() -> Iterator[tuple[str, bytes]]:
    process = subprocess.Popen(
        [sys.executable, __file__, "answer"], stdout=subprocess.PIPE, text=True, env=programs.environment()
    )
    assert process.stdout is not None
    try:
        shown = json.loads(process.stdout.readline())
        yield shown["endpoint"], shown["key"].encode()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _answer() -> None:
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    public, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_server = True
    socket.bind("tcp://127.0.0.1:*")
    sys.stdout.write(
        json.dumps({"endpoint": socket.getsockopt_string(zmq.LAST_ENDPOINT), "key": public.decode()}) + "\n"
    )
    sys.stdout.flush()
    while True:
        socket.send_multipart(socket.recv_multipart())


if __name__ == "__main__":
    _answer()
