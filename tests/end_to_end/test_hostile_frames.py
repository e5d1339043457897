"""Frames from whoever reaches a socket: nothing ends by them, and nothing changes that is not theirs.

Real sockets with CURVE; Hypothesis says what is sent, and which of it was enough if a test fails.
"""

import asyncio
import copy
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import zmq
import zmq.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import frames
from coordinator.floor import Guest, Place, place
from coordinator.playbook import JOB
from fakes import TOKEN, BlobServer, blob_server
from tegula_coordinator import tiles
from tegula_coordinator.book import Book, Job, Timing, step
from tegula_coordinator.events import AskDeclined
from tegula_market import codec, messages
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest
from tegula_market.lifecycle import Phase
from tegula_market.messages import FromCoordinator, FromWorker
from tegula_market.model import Digest, JobId, Lease, LeaseId, Order, Wei, WorkerId, lease_id
from tegula_worker import keys, passphrases
from tegula_worker.store import Store
from worker.stage import BEAT, Played, Stage, connect_to

pytestmark = pytest.mark.slow

SOON = 60.0
EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
LEASE = lease_id(JOB, 0, 1)
IMAGE = digest(b"an image")
TO_A_COORDINATOR: frames.Known = {JobId: [JOB], LeaseId: [LEASE, lease_id(JOB, 1, 1)], Digest: [IMAGE]}


def many(each: st.SearchStrategy[list[bytes]]) -> st.SearchStrategy[list[list[bytes]]]:
    return st.lists(each, min_size=5, max_size=25)


from_workers = (
    frames.rubbish()
    | frames.broken(FromWorker, TO_A_COORDINATOR)
    | frames.said(FromWorker, TO_A_COORDINATOR).map(messages.encode)
)


def with_a_floor(scenario: Callable[[Place, Guest, Lease], Coroutine[Any, Any, None]]) -> None:
    """A job of one tile, which ann has a lease of; she delivers it after all."""

    async def run(folder: Path) -> None:
        async with place(folder, heartbeat=60.0) as it, asyncio.timeout(SOON), it.guest() as ann:
            await it.opens_a_job()
            await ann.joins()
            await ann.hears(messages.Call)
            await ann.dealer.send(messages.AskFor(JOB, Wei(40), 1, 2_000_000_000, warm=False))
            lease = (await ann.hears(messages.Grant)).lease
            assert lease.id == LEASE
            await scenario(it, ann, lease)
            await ann.dealer.send(ann.result(lease, await it.image(0.5)))
            while not at_rest(it.keeper.book.jobs[JOB]):
                await it.keeper.beyond(it.keeper.seq, 0.05)
            # The book knows of an event a moment before the log does; after this one the log has all of them.
            await it.keeper.record(AskDeclined(0.0, WorkerId(ann.keys.public), JOB, "it is over"))
            assert_replays(it)

    with TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))


def at_rest(job: Job) -> bool:
    return job.units[0].phase is Phase.DELIVERED and not job.calling


def assert_replays(it: Place) -> None:
    """What got into the log comes to the very same book."""
    book = Book(tiles.sizes, Timing(0.01, 100))
    for recorded in it.keeper._events.replay():
        step(book, recorded.event)
    assert book == it.keeper.book


@EXAMPLES
@given(many(from_workers))
def test_a_peer_that_has_not_said_who_it_is_changes_nothing(sent: list[list[bytes]]) -> None:
    async def scenario(it: Place, _: Guest, __: Lease) -> None:
        before, seq = copy.deepcopy(it.keeper.book), it.keeper.seq
        async with it.guest() as eve:
            for each in sent:
                await eve.dealer._socket.send_multipart(each)
            for _ in sent:
                await eve.hears(messages.Refused)  # each once
        assert it.keeper.seq == seq
        assert it.keeper.book == before

    with_a_floor(scenario)


@EXAMPLES
@given(many(from_workers))
def test_a_worker_that_says_anything_harms_itself_at_most(sent: list[list[bytes]]) -> None:
    async def scenario(it: Place, ann: Guest, lease: Lease) -> None:
        async with it.guest() as eve:
            await eve.joins()
            for each in sent:
                await eve.dealer._socket.send_multipart(each)
            await heard_to_the_end(eve)
        book = it.keeper.book
        job = book.jobs[JOB]
        assert job.leases[LEASE] == lease, "it is still ann's"
        assert job.ledger.total_owed == 0
        assert book.workers[WorkerId(ann.keys.public)].leases == {LEASE}
        assert not book.verifiers

    with_a_floor(scenario)


async def heard_to_the_end(eve: Guest) -> None:
    """Whatever it has said last is answered; it may have said BYE, and then has to begin anew."""
    mark = LeaseId("the last word")
    while True:
        await eve.dealer.send(eve.hello())
        lost = Lease(mark, JOB, 0, WorkerId(eve.keys.public), Wei(1), 1, 0)
        await eve.dealer.send(eve.result(lost, IMAGE))
        while True:
            match await eve.dealer.receive():
                case messages.Revoke(lease) if lease == mark:
                    return
                case messages.Refused(reason) if reason.startswith("unknown here"):
                    break


@EXAMPLES
@given(
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5),
    st.sampled_from(["NULL", "PLAIN", "TCP"]),
)
def test_whoever_does_not_speak_curve_is_not_heard(sent: list[bytes], mechanism: str) -> None:
    async def scenario(it: Place, _: Guest, __: Lease) -> None:
        before, heard = copy.deepcopy(it.keeper.book), set(it.router._routes)
        if mechanism == "TCP":
            await asyncio.to_thread(shout, it.router.endpoint, sent)
        else:
            await knock(it.router.endpoint, sent, plain=mechanism == "PLAIN")
        assert it.keeper.book == before
        assert set(it.router._routes) == heard

    with_a_floor(scenario)


def shout(endpoint: str, sent: list[bytes]) -> None:
    """Bytes that are no ZMTP, or a greeting and then none."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SOON) as line, suppress(ConnectionError):
        line.sendall(b"".join(sent))
        with suppress(OSError):  # the other side has ended it already
            line.shutdown(socket.SHUT_WR)
        while line.recv(4096):  # until it does
            pass


async def knock(endpoint: str, sent: list[bytes], *, plain: bool) -> None:
    """A peer of ZeroMQ that has no CURVE key; the handshake breaks off."""
    context = zmq.asyncio.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    if plain:
        dealer.plain_username, dealer.plain_password = b"operator", b"password"
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
    try:
        dealer.connect(endpoint)
        with suppress(zmq.Again):  # the handshake has broken off already, and there is nobody to send to
            await dealer.send_multipart(sent, flags=zmq.DONTWAIT)
        await monitor.recv_multipart()
    finally:
        dealer.disable_monitor()
        monitor.close()
        dealer.close()
        context.term()


@dataclass(frozen=True, slots=True)
class Hired:
    """What all runs of the worker share: its keys, the coordinator's, a job with a deposit."""

    server: BlobServer
    keys: Path
    worker: WorkerId
    stage: Stage
    order: Order
    job: JobId

    @property
    def said(self) -> st.SearchStrategy[list[bytes]]:
        """A refusal is left out: that a worker goes when it is told to is no fault."""
        leases = [
            Lease(lease_id(self.job, unit, attempt), self.job, unit, self.worker, price, attempt, 2**40)
            for unit in (0, 1, 2, -1, 2**40)
            for attempt in (1, 0, -1, 2**40)
            for price in (Wei(10**9), Wei(0), Wei(codec.MAX_WEI))
        ]
        known = {
            JobId: [self.job],
            LeaseId: [lease.id for lease in leases],
            Lease: leases,
            Order: [self.order],
            WorkerId: [self.worker],
        }
        sent = frames.broken(FromCoordinator, known) | frames.said(FromCoordinator, known).map(
            messages.encode
        )
        return frames.rubbish() | sent.filter(_is_no_refusal)

    def again(self, data: Path) -> Stage:
        shutil.copytree(self.keys, data)
        stage = self.stage
        return Stage(self.server, data, stage.escrow, coordinator=stage.coordinator, signer=stage.signer)


@pytest.fixture(scope="module")
def hired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hired]:
    folder = tmp_path_factory.mktemp("hired")
    keys.create(folder / "keys", passphrases.nowhere)
    with blob_server() as server, pytest.MonkeyPatch.context() as patch:
        stage = Stage(server, folder / "none")
        connect_to(stage.escrow, patch)
        order = stage.order()
        worker = WorkerId(keys.shown(folder / "keys")[0])
        yield Hired(server, folder / "keys", worker, stage, order, stage.fund(order))


@EXAMPLES
@given(data=st.data())
def test_a_worker_outlives_a_coordinator_that_says_anything(hired: Hired, data: st.DataObject) -> None:
    sent = data.draw(many(hired.said))

    async def run(stage: Stage) -> None:
        async with stage.opened() as coordinator, working(stage), asyncio.timeout(SOON):
            await coordinator.welcome()
            await coordinator.taken(hired.order)
            route = coordinator._hub._routes[coordinator.worker]
            for each in sent:
                coordinator._hub._socket.send_multipart([route, *each])
            await coordinator.say(messages.Welcome(TOKEN, BEAT))
            await coordinator.say(messages.Call(hired.job, hired.order))
            await until(coordinator, lambda said: isinstance(said, messages.AskFor) and said.job == hired.job)
            lease = await coordinator.lease(hired.order, attempt=900)
            await until(
                coordinator, lambda said: isinstance(said, messages.Deliver) and said.result.lease == lease.id
            )
        kept = Store(stage.data)
        assert hired.job in {record.job for record in kept.jobs()}
        assert lease.id in {result.lease for result in kept.results()}
        assert all(record.voucher is None and record.leaf is None for record in kept.jobs())

    with TemporaryDirectory() as name:
        asyncio.run(run(hired.again(Path(name) / "data")))


@asynccontextmanager
async def working(stage: Stage) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stage.work(verifier=False))
        yield
        assert not task.done()
        os.kill(os.getpid(), signal.SIGTERM)


async def until(coordinator: Played, wanted: Callable[[FromWorker], bool]) -> None:
    while not wanted((await coordinator._hub.receive())[1]):
        pass


def _is_no_refusal(sent: list[bytes]) -> bool:
    try:
        return not isinstance(messages.from_coordinator(sent), messages.Refused)
    except MalformedInput:
        return True
