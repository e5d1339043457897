"""A whole worker on real sockets; the test plays the coordinator."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from fakes import TOKEN, FakeRenderer, FullDisk, blob_server, image_of
from tegula_market import messages, tiling, vouchers
from tegula_market.adapters import blobs, chain, signing
from tegula_market.adapters.chain import Root
from tegula_market.adapters.roots import Tree
from tegula_market.adapters.wire import CurveKeys
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    JobId,
    LeaseId,
    Order,
    Outcome,
    Rect,
    SceneFile,
    SceneManifest,
    Verdict,
    Wei,
    lease_id,
    lease_parts,
)
from tegula_worker import agent, cards, program, snapshot
from tegula_worker.agent import NotWanted
from tegula_worker.evidence import EvidenceFolder
from tegula_worker.pauses import Hours, Limits, Machine
from tegula_worker.pricing import PriceRule, Pricing
from tegula_worker.renderer import Failure, RenderFailed
from tegula_worker.replies import FoundDevice
from tegula_worker.snapshot import Snapshot
from tegula_worker.spans import Span
from tegula_worker.store import Store
from tegula_worker.watch import Watch
from worker.fake_cards import CPU, FIRST
from worker.fake_cards import Machine as Fitted
from worker.stage import BEAT, BLEND, DOMAIN, SOON, TWIN, Played, Stage, connect_to

SHORT_BEAT = 0.3
"""Seconds; five of these without a word, and the worker says HELLO again."""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with blob_server() as server:
        made = Stage(server, tmp_path / "data")
        connect_to(made.escrow, monkeypatch)
        yield made


@asynccontextmanager
async def running(stage: Stage, **change: Any) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that is told to end, as a system tells it, and ends."""
    async with asyncio.timeout(3 * SOON), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stage.work(**change))
        yield task
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await task


@asynccontextmanager
async def at_work(stage: Stage) -> AsyncIterator[tuple[Played, Order]]:
    """A worker that has asked for tiles of an order."""
    order = stage.order()
    stage.fund(order)
    async with stage.opened() as coordinator, running(stage):
        await coordinator.welcome()
        await coordinator.taken(order)
        yield coordinator, order


async def _killed(task: asyncio.Task[None]) -> None:
    """As far as a task can be killed: nothing is said any more; what is on the disk stays."""
    task.cancel()
    await asyncio.wait({task})


def test_from_hello_to_a_claim(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage):
            hello = await coordinator.welcome()
            binding = vouchers.binding_payload(DOMAIN, coordinator.worker, hello.payout)
            assert signing.recover(binding, hello.binding) == hello.payout
            assert (hello.blender, hello.device, hello.slots) == ("4.5.15", "CPU of a test", 2)

            ask = await coordinator.taken(order)
            assert (ask.job, ask.price, ask.slots, ask.warm) == (job, 10_000_000, 2, False)
            lease = await coordinator.lease(order)
            result = (await coordinator.hear(messages.Deliver)).result
            payload = vouchers.result_payload(DOMAIN, *lease_parts(lease.id), result.image)
            assert signing.recover(payload, result.signature) == hello.payout
            assert (result.render_seconds, result.load_seconds) == (0.5, 0.25)
            rendered = Rect(0, 0, 35, 32)  # the tile and its overscan
            assert stage.server.blobs[result.image] == image_of(BLEND, 1, rendered)

            await coordinator.accept(lease)
            assert (await coordinator.taken(order)).warm
            await coordinator.say(messages.Pay(stage.voucher(job, hello.payout, lease.price)))
            await coordinator.say(messages.Ended(job, "all done"))
            await _claimed(stage, job, lease.price)
            os.kill(os.getpid(), signal.SIGTERM)
            await coordinator.hear(messages.Bye)
        (paid,) = stage.escrow.payments(job)
        assert (paid.worker, paid.amount) == (hello.payout, lease.price)
        kept = Store(stage.data)
        assert not list(kept.results())
        tally = kept.tally(job)
        assert tally is not None
        assert (tally.asked, tally.promised, tally.accepted) == (ask.price, lease.price, 1)
        assert (kept.sums().prices, kept.sums().speed > 0) == ((10_000_000,), True)
        assert not stage.renderer.running
        assert not list((stage.data / "images").iterdir())

    asyncio.run(play())


async def _claimed(stage: Stage, job: JobId, amount: int) -> None:
    assert await asyncio.to_thread(stage.escrow.await_payment, job, amount, SOON)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_result_is_said_again_to_a_coordinator_that_comes_back(stage: Stage, restarted: bool) -> None:
    """On the same port; it either knows nothing of the worker, or is silent until there is a HELLO."""

    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        async with running(stage):
            async with stage.opened() as coordinator:
                await coordinator.welcome()
                await coordinator.taken(order)
                lease = await coordinator.lease(order)
                first = await coordinator.hear(messages.Deliver)
                await coordinator.say(messages.Welcome(TOKEN, SHORT_BEAT))
                assert await coordinator.hear(messages.Deliver) == first
            async with stage.opened() as coordinator:
                if restarted:
                    await coordinator.hear(messages.Heartbeat)
                    await coordinator.say(messages.Refused("unknown here; say HELLO"))
                await coordinator.welcome()
                assert await coordinator.hear(messages.Deliver) == first
                await coordinator.accept(lease)
                await coordinator.lease(order, unit=1)
                assert (await coordinator.hear(messages.Deliver)).result.lease != first.result.lease

    asyncio.run(play())


def test_a_worker_that_was_killed_goes_on(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator:
            async with running(stage) as task:
                hello = await coordinator.welcome()
                await coordinator.taken(order)
                lease = await coordinator.lease(order)
                first = await coordinator.hear(messages.Deliver)
                await coordinator.say(messages.Pay(stage.voucher(job, hello.payout, 7)))
                stage.renderer.going.clear()
                await _begun(stage.renderer)
                other = await coordinator.lease(order, unit=1)  # heard after the voucher
                await _begun(stage.renderer)
                await _killed(task)
            stage.renderer = FakeRenderer()
            async with running(stage):
                again = await coordinator.hear(messages.Hello)
                assert again == hello
                await coordinator.say(messages.Welcome(TOKEN, BEAT))
                assert await coordinator.hear(messages.Deliver) == first
                await coordinator.accept(lease)
                await coordinator.say(messages.Grant(other, digest(b"salt")))  # without a new CALL
                assert (await coordinator.hear(messages.Deliver)).result.lease == other.id
                await coordinator.say(messages.Ended(job, ""))
                await _claimed(stage, job, 7)

    asyncio.run(play())


@pytest.mark.parametrize("attempt", [-1, 2**32])
def test_an_attempt_that_cannot_be_signed_is_given_back(stage: Stage, attempt: int) -> None:
    async def play() -> None:
        async with at_work(stage) as (coordinator, order):
            lease = await coordinator.lease(order, attempt=attempt)
            back = await coordinator.hear(messages.Return)
            assert (back.lease, back.failure) == (lease.id, "NOT_SAFE")
            await coordinator.lease(order)
            await coordinator.hear(messages.Deliver)

    asyncio.run(play())


def test_a_token_of_no_letters_costs_tiles_and_nothing_else(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.hear(messages.Hello)
            await coordinator.say(messages.Welcome("", BEAT))
            await coordinator.taken(order)
            await coordinator.lease(order)
            assert (await coordinator.hear(messages.Return)).failure == "NO_BLOB"

    asyncio.run(play())


def test_a_token_that_no_header_can_hold_costs_tiles_and_nothing_else(stage: Stage) -> None:
    async def play() -> None:
        async with at_work(stage) as (coordinator, order):
            await coordinator.say(messages.Welcome("\u4e2d", BEAT))
            await coordinator.lease(order)
            assert (await coordinator.hear(messages.Return)).failure == "NO_BLOB"
            await coordinator.say(messages.Welcome(TOKEN, BEAT))
            await coordinator.lease(order, unit=1)
            await coordinator.hear(messages.Deliver)

    asyncio.run(play())


async def _begun(renderer: FakeRenderer) -> tuple[int, Rect]:
    async with asyncio.timeout(SOON):
        return await renderer.begun.get()


def test_the_next_scene_is_fetched_while_a_tile_renders(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        other_blend = stage.server.put(b"BLENDER of another scene")
        listed = SceneManifest("o.blend", (SceneFile("o.blend", other_blend, 24),))
        other = stage.order(listed)
        other = replace(other, terms=replace(other.terms, salt=b"\x01" * 32))
        for each in (order, other):
            stage.fund(each)
        stage.renderer.going.clear()
        held = stage.server.hold(f"GET /v1/blobs/0x{other_blend.hex()}")
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            for each in (order, other):
                await coordinator.taken(each)
            rendering = await coordinator.lease(order)
            await _begun(stage.renderer)
            await coordinator.lease(other)
            assert await asyncio.to_thread(held.came.wait, SOON)  # nothing is rendered yet
            stage.renderer.going.set()
            # And a tile of the scene that is here does not wait for the one that comes.
            assert (await coordinator.hear(messages.Deliver)).result.lease == rendering.id
            await coordinator.lease(order, unit=1)
            assert (await coordinator.hear(messages.Deliver)).result.lease == f"{rendering.id[:-4]}/1/1"
            held.go.set()
            assert (await coordinator.hear(messages.Deliver)).result.lease.endswith("/0/1")

    asyncio.run(play())


def test_the_next_tile_renders_while_an_image_goes_up(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        held = stage.server.hold("PUT")
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            await coordinator.lease(order)
            await _begun(stage.renderer)
            assert await asyncio.to_thread(held.came.wait, SOON)
            await coordinator.lease(order, unit=1)
            await _begun(stage.renderer)
            held.go.set()
            for _ in range(2):
                await coordinator.hear(messages.Deliver)

    asyncio.run(play())


def test_a_device_that_fails_is_told_and_the_others_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Fitted((CPU, FIRST))
    monkeypatch.setattr(
        program, "Renderer", lambda _, device, card, **_how: machine.make(FoundDevice(device, "", card))
    )
    monkeypatch.setattr(cards, "facts", lambda _: cards.Facts())
    stage.renderer = None  # type: ignore[assignment]

    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        async with stage.opened() as coordinator, running(stage, device=("AUTO", "CPU")) as worker:
            hello = await coordinator.welcome()
            assert (hello.device, hello.slots) == (f"{FIRST.words} + {CPU.words}", 4)
            assert (await coordinator.taken(order)).slots == 4
            machine.failures[FIRST, "s.blend"] = [Failure.DRIVER]
            machine.known[FIRST] = 0.0
            await coordinator.lease(order)
            again = await coordinator.hear(messages.Hello)
            assert again == replace(hello, device=CPU.words, slots=2)
            await coordinator.say(messages.Welcome(TOKEN, BEAT))
            assert (await coordinator.hear(messages.Deliver)).result.device == CPU.words
            assert (await coordinator.taken(order)).slots == 2

            machine.failures[CPU, "s.blend"] = [Failure.CRASHED]
            machine.known[CPU] = 1.5
            await coordinator.lease(order, unit=1)
            await asyncio.wait({worker})

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(play())
    assert caught.group_contains(NotWanted, match="no device is left.*known scene wrong")
    assert machine.alive == []


def test_a_revoked_lease_is_not_rendered_to_the_end(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        stage.renderer.going.clear()
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            lease = await coordinator.lease(order)
            await _begun(stage.renderer)
            await coordinator.say(messages.Revoke(lease.id, "expired"))
            async with asyncio.timeout(SOON):
                await stage.renderer.cancelled.wait()
            stage.renderer.going.set()
            other = await coordinator.lease(order, unit=1)
            assert (await coordinator.hear(messages.Deliver)).result.lease == other.id

    asyncio.run(play())


def test_draining_in_the_middle_of_a_render(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        stage.renderer.going.clear()
        async with stage.opened() as coordinator, running(stage) as task:
            await coordinator.welcome()
            await coordinator.taken(order)
            await coordinator.lease(order)
            await _begun(stage.renderer)
            os.kill(os.getpid(), signal.SIGTERM)
            await coordinator.hear(messages.Bye)
            await task
        assert stage.renderer.cancelled.is_set()
        assert not stage.renderer.running

    asyncio.run(play())


def test_a_verifier_renders_probes_as_tiles_are_rendered(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        rects, twins = (Rect(0, 0, 8, 8), Rect(30, 10, 38, 18)), stage.twin
        lease = f"{job.hex()}/0/1"
        async with stage.opened() as coordinator, running(stage, verifier=True, rpc="", price=Wei(0)):
            assert (await coordinator.welcome()).verifier
            await coordinator.say(messages.Probe(lease, job, order, 0, rects, 3, twin=False))
            probed = await coordinator.hear(messages.Probed)
            grown = [Rect(0, 0, 11, 11), Rect(27, 7, 41, 21)]
            assert [stage.server.blobs[i] for i in probed.images] == [image_of(BLEND, 1, r) for r in grown]
            assert (probed.lease, probed.twins, probed.seconds) == (lease, (), 1.0)

            await coordinator.say(messages.Probe(lease, job, order, 0, rects[:1], 0, twin=True))
            probed = await coordinator.hear(messages.Probed)
            assert [stage.server.blobs[i] for i in probed.images] == [image_of(BLEND, 1, rects[0])]
            assert [stage.server.blobs[i] for i in probed.twins] == [image_of(TWIN + BLEND, 1, rects[0])]
            assert twins.closed  # a second scene in memory is for suspected tiles only

            stage.renderer.failure = RenderFailed(Failure.CRASHED, "the child\nfell over")
            await coordinator.say(messages.Probe(lease, job, order, 0, rects, 3, twin=False))
            failed = await coordinator.hear(messages.ProbeFailed)
            assert failed == messages.ProbeFailed(lease, "the child fell over")
            await coordinator.say(messages.Probe(lease, job, order, 2, rects, 3, twin=False))
            assert "tile 2" in (await coordinator.hear(messages.ProbeFailed)).reason
            await coordinator.say(messages.Call(job, order))
            assert "only verifies" in (await coordinator.hear(messages.Decline)).reason

    asyncio.run(play())


def test_a_rejected_worker_keeps_what_the_verdict_stands_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: asyncio.Queue[LeaseId] = asyncio.Queue()
    fetch = EvidenceFolder.keep

    async def keep(folder: EvidenceFolder, lease: LeaseId) -> None:
        await fetch(folder, lease)
        kept.put_nowait(lease)

    monkeypatch.setattr(EvidenceFolder, "keep", keep)

    async def play() -> None:
        async with at_work(stage) as (coordinator, order):
            lease = await coordinator.lease(order)
            await coordinator.hear(messages.Deliver)
            stage.server.evidence[lease.id] = b"a bundle"
            await coordinator.reject(lease)
            assert await asyncio.wait_for(kept.get(), SOON) == lease.id
            (path,) = (stage.data / "evidence").iterdir()
            assert path.read_bytes() == b"a bundle"

    asyncio.run(play())


def test_a_refused_worker_ends_with_the_reason(stage: Stage) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:

            async def refuse() -> None:
                await coordinator.hear(messages.Hello)
                await coordinator.say(messages.Refused("this key is not among the verifiers"))

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(refuse())
                with pytest.raises(NotWanted, match="not among the verifiers"):
                    await stage.work()
        assert not stage.renderer.running

    asyncio.run(play())


def test_what_cannot_be_rendered_is_given_back_with_the_reason(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        hostile = stage.order(SceneManifest("../s.blend", (SceneFile("../s.blend", digest(BLEND), 17),)))
        hostile = replace(hostile, terms=replace(hostile.terms, salt=b"\x01" * 32))
        stage.fund(hostile)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            stage.renderer.failure = RenderFailed(Failure.OUT_OF_MEMORY, "too large for this machine")
            lease = await coordinator.lease(order)
            assert await coordinator.hear(messages.Return) == messages.Return(
                lease.id, "OUT_OF_MEMORY", "too large for this machine"
            )
            await coordinator.taken(hostile)
            await coordinator.lease(hostile)
            assert (await coordinator.hear(messages.Return)).failure == "SCENE_REFUSED"
            stage.server.blobs.clear()
            stage.server.faults.append(403)
            await coordinator.lease(order, attempt=2)
            assert (await coordinator.hear(messages.Return)).failure == "NO_BLOB"

    asyncio.run(play())


def test_nothing_is_rendered_that_might_not_be_paid(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()

            async def declined(call: messages.Call) -> str:
                await coordinator.say(call)
                return (await coordinator.hear(messages.Decline)).reason

            bare = replace(order, terms=replace(order.terms, salt=b"\x02" * 32))
            assert "not the hash" in await declined(messages.Call(job, bare))
            assert "no open job" in await declined(messages.Call(chain.job_id(bare.terms), bare))
            stage.escrow.away = True
            assert "cannot look at the escrow" in await declined(messages.Call(job, order))
            stage.escrow.away = False
            await coordinator.taken(order)

            least = tiling.size(tiling.split(order)[0], order.scene) * 10
            for change, sentence in (
                ({"price": Wei(least - 1)}, f"pays {least - 1}, the ask was {least}"),
                ({"worker": CurveKeys.generate().public}, "another worker's"),
                ({"id": lease_id(job, 1, 1)}, "not its job, unit and attempt"),
            ):
                await coordinator.lease(order, **change)
                given_back = await coordinator.hear(messages.Return)
                assert (given_back.failure, sentence in given_back.reason) == ("NOT_SAFE", True)
            stage.escrow.empty(job)
            await coordinator.lease(order)
            assert "no open job" in (await coordinator.hear(messages.Return)).reason
        assert stage.renderer.begun.empty()

    asyncio.run(play())


def test_a_coordinator_that_is_away_for_minutes_costs_no_tile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = count(0.0, 10.0)
    monkeypatch.setattr(blobs, "time", SimpleNamespace(monotonic=lambda: next(later)))
    monkeypatch.setattr(blobs, "PAUSES", (0.01, 0.01))

    async def play() -> None:
        async with at_work(stage) as (coordinator, order):
            stage.server.faults += [503] * 20
            lease = await coordinator.lease(order)
            assert (await coordinator.hear(messages.Deliver)).result.lease == lease.id
        assert next(later) > 180

    asyncio.run(play())


def test_a_claim_that_failed_is_made_at_the_next_start(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator:
            async with running(stage):
                hello = await coordinator.welcome()
                await coordinator.taken(order)
                forged = stage.voucher(job, hello.payout, 9)
                forged = replace(forged, signer_signature=forged.coordinator_signature)
                await coordinator.say(messages.Pay(forged))
                await coordinator.say(messages.Pay(stage.voucher(job, hello.payout, 7)))
                stage.escrow.away = True
                await coordinator.say(messages.Ended(job, ""))
                await _answered(coordinator, order)
            assert not stage.escrow.payments(job)
            stage.escrow.away = False
            async with running(stage):
                await coordinator.welcome()
                await _claimed(stage, job, 7)
                await coordinator.say(messages.Pay(stage.voucher(job, hello.payout, 8)))  # after ENDED
                await _claimed(stage, job, 8)
        assert [p.amount for p in stage.escrow.payments(job)] == [7, 1]

    asyncio.run(play())


async def _answered(coordinator: Played, order: Order) -> None:
    """What was said before has been heard, because words are heard in order."""
    await coordinator.say(messages.Call(chain.job_id(order.terms), order))
    await coordinator.hear(messages.Decline)


class Warmth:
    """A machine that is as warm as the test says; `looked` is set with each look."""

    def __init__(self) -> None:
        self.celsius = 50

    def read(self) -> Machine:
        return Machine(cpu_celsius=self.celsius)


def test_a_pause_takes_the_ask_back_and_afterwards_it_is_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "WATCH_SECONDS", 0.01)

    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        stage.meter = Warmth()
        async with stage.opened() as coordinator, running(stage, limits=Limits(cpu_celsius=80)):
            await coordinator.welcome()
            standing = await coordinator.taken(order)
            stage.renderer.going.clear()
            lease = await coordinator.lease(order)
            await _begun(stage.renderer)

            stage.meter.celsius = 81
            taken_back = await coordinator.hear(messages.AskFor)
            assert taken_back.job == job
            assert taken_back.expiry <= time.time() < standing.expiry
            await coordinator.say(messages.Call(job, order))
            assert "81 °C" in (await coordinator.hear(messages.Decline)).reason
            stage.renderer.going.set()
            assert (await coordinator.hear(messages.Deliver)).result.lease == lease.id

            stage.meter.celsius = 50
            await coordinator.welcome()
            assert (await coordinator.hear(messages.Deliver)).result.lease == lease.id, "said again"
            assert (await coordinator.taken(order)).expiry == standing.expiry
        (refusal,) = Store(stage.data).sums().refusals
        assert (refusal.kind, refusal.code) == ("call", "CPU_HOT")

    asyncio.run(play())


class Disk:
    """As the machine's disk is measured."""

    def __init__(self, free: int) -> None:
        self.free = free

    def read(self) -> Machine:
        return Machine(free_bytes=self.free)


def test_a_full_disk_costs_leases_and_not_the_worker(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "WATCH_SECONDS", 0.01)

    async def play() -> None:
        order = stage.order()
        job, disk = stage.fund(order), FullDisk(stage.data, monkeypatch)
        disk.full, stage.meter = False, Disk(9 << 30)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            disk.full = True
            lease = await coordinator.lease(order)
            returned = await coordinator.hear(messages.Return)
            assert (returned.lease, returned.failure) == (lease.id, "DISK_FULL")
            assert "this machine's disk is full" in returned.reason

            stage.meter.free = 0  # as is seen a moment later
            assert (await coordinator.hear(messages.AskFor)).expiry <= time.time()
            await coordinator.say(messages.Call(job, order))
            assert "make room" in (await coordinator.hear(messages.Decline)).reason

            disk.full, stage.meter.free = False, 9 << 30
            await coordinator.welcome()
            await coordinator.taken(order)
            again = await coordinator.lease(order, attempt=2)
            assert (await coordinator.hear(messages.Deliver)).result.lease == again.id

    asyncio.run(play())


def test_a_result_without_room_is_delivered_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        order = stage.order()
        stage.fund(order)
        disk = FullDisk(stage.data, monkeypatch)
        disk.full, stage.meter = False, Disk(9 << 30)
        stage.renderer.going.clear()
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            lease = await coordinator.lease(order)
            await _begun(stage.renderer)
            disk.full = True
            stage.renderer.going.set()
            assert (await coordinator.hear(messages.Deliver)).result.lease == lease.id
            assert list(Store(stage.data, tidy=False).results()) == []

    asyncio.run(play())


def test_nothing_is_asked_for_that_cannot_be_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voucher for it would be refused."""

    async def play() -> None:
        order = stage.order()
        job, disk = stage.fund(order), FullDisk(stage.data, monkeypatch)
        disk.full, stage.meter = False, Disk(9 << 30)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            disk.full = True
            with structlog.testing.capture_logs() as said:
                await coordinator.say(messages.Call(job, order))
                async with asyncio.timeout(SOON):
                    while not any(line["event"] == "disk full" for line in said):
                        await coordinator.hear(messages.Heartbeat)
            disk.full = False
            assert (await coordinator.taken(order)).job == job

    asyncio.run(play())


def test_it_shows_what_it_does(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: asyncio.Queue[Snapshot] = asyncio.Queue()

    async def play() -> None:
        loop = asyncio.get_running_loop()

        def write(_: Path, moment: Snapshot) -> None:
            loop.call_soon_threadsafe(shown.put_nowait, moment)

        async def seen(wanted: Callable[[Snapshot], bool]) -> Snapshot:
            async with asyncio.timeout(SOON):
                while not wanted(moment := await shown.get()):
                    pass
            return moment

        monkeypatch.setattr(snapshot, "write", write)
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            idle = await seen(lambda moment: moment.connected)
            assert (idle.coordinator, idle.idle and idle.idle.code) == (stage.server.url, "NO_CALLS")
            await coordinator.taken(order)
            assert (await seen(lambda moment: bool(moment.asks))).asks[0].job == job
            stage.renderer.going.clear()
            lease = await coordinator.lease(order)
            busy = await seen(lambda moment: bool(moment.working))
            assert ([each.lease for each in busy.working], busy.idle) == ([lease.id], None)
            stage.renderer.going.set()
            await coordinator.hear(messages.Deliver)
            assert (await seen(lambda moment: bool(moment.unjudged))).unjudged == (lease.id,)

    asyncio.run(play())


def test_a_worker_that_starts_outside_its_hours_declines(stage: Stage) -> None:
    never = Hours((Span("never", frozenset(), 0, 1),))

    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage, hours=never):
            await coordinator.welcome()
            await coordinator.say(messages.Call(job, order))
            assert "opening hours" in (await coordinator.hear(messages.Decline)).reason

    asyncio.run(play())


def test_its_price_is_posted_again_when_its_rules_change_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening, night = datetime(2026, 7, 6, 21, 59), datetime(2026, 7, 6, 22)  # noqa: DTZ001 local times
    clock = [evening]
    rules = Pricing(base=Wei(40), rules=(PriceRule((Span.parse("22:00-06:00"),), percent=50),))

    async def posted(coordinator: Played, price: int) -> None:
        async with asyncio.timeout(SOON):
            while (await coordinator.hear(messages.Post)).price != price:
                pass

    async def play() -> None:
        async with stage.opened() as coordinator, running(stage, pricing=rules):
            await coordinator.welcome()
            await posted(coordinator, 40)
            clock[0] = night
            await posted(coordinator, 20)

    monkeypatch.setattr(agent, "PRICE_SECONDS", 0.02)
    monkeypatch.setattr(program, "Watch", partial(Watch, local_time=lambda: clock[0]))
    asyncio.run(play())


def test_a_deposit_that_is_paid_out_to_others_is_noticed_before_the_lease(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage):
            await coordinator.welcome()
            await coordinator.taken(order)
            stage.escrow.pay_out(job)
            lease = await coordinator.lease(order)
            given_back = await coordinator.hear(messages.Return)
            assert (given_back.lease, "0 left" in given_back.reason) == (lease.id, True)
        assert stage.renderer.begun.empty()

    asyncio.run(play())


def rooted(stage: Stage, job: JobId, payout: Address, total: int) -> messages.Rooted:
    """A root that is final, and what the coordinator says of it."""
    tree = Tree.of(job, {payout: Wei(total), Address(b"\x42" * 20): Wei(3)})
    stage.escrow.roots[job] = Root(tree.root, Wei(total + 3), Wei(0), 0)
    return messages.Rooted(job, Wei(total), tree.root, tree.proof(payout))


def test_a_root_is_claimed_though_the_chain_was_away_and_the_worker_killed(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator:
            async with asyncio.timeout(SOON), asyncio.TaskGroup() as tasks:
                task = tasks.create_task(stage.work())
                hello = await coordinator.welcome()
                await coordinator.taken(order)
                stage.escrow.away = True
                await coordinator.say(rooted(stage, job, hello.payout, 7))
                await coordinator.say(messages.Ended(job, "the requester is away"))
                await _answered(coordinator, order)
                await _killed(task)
            stage.escrow.away = False
            async with running(stage):
                await coordinator.welcome()
                await _claimed(stage, job, 7)
        assert [p.amount for p in stage.escrow.payments(job)] == [7]

    asyncio.run(play())


def test_who_has_enough_accepted_and_not_signed_for_takes_no_more(stage: Stage) -> None:
    async def play() -> None:
        order = stage.order()
        job = stage.fund(order)
        async with stage.opened() as coordinator, running(stage, holdback_tiles=2):
            hello = await coordinator.welcome()
            assert (await coordinator.taken(order)).holdback == 2
            first = await coordinator.lease(order)
            await coordinator.hear(messages.Deliver)
            verdict = Verdict(first.id, Outcome.ACCEPTED, 0.0, 1.0, 64, 0.1, "equal", bytes(32))
            await coordinator.say(messages.Decided(verdict, Wei(2 * first.price + 1)))
            second = await coordinator.lease(order, unit=1)
            given_back = await coordinator.hear(messages.Return)
            assert (given_back.lease, "not signed for" in given_back.reason) == (second.id, True)
            await coordinator.say(messages.Pay(stage.voucher(job, hello.payout, 1)))
            third = await coordinator.lease(order, unit=1, attempt=2)
            assert (await coordinator.hear(messages.Deliver)).result.lease == third.id

    asyncio.run(play())
