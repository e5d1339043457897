"""The floor over real ZeroMQ with CURVE: what workers may say, and what they hear."""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from coordinator.floor import NAME, OURS, SPP, TILE, VERIFIER, Guest, Place, place
from coordinator.playbook import JOB
from tegula_coordinator import court, events
from tegula_coordinator.blobs import BlobsAway
from tegula_coordinator.derive import Derive
from tegula_coordinator.router import SILENT_HEARTBEATS
from tegula_market import messages, probes
from tegula_market.adapters import signing
from tegula_market.lifecycle import Phase
from tegula_market.model import (
    NOBODY,
    Address,
    Digest,
    Lease,
    Outcome,
    Signature,
    SignedVoucher,
    Voucher,
    Wei,
    WorkerId,
    lease_parts,
)

Scenario = Callable[[Place], Coroutine[Any, Any, None]]
Act = Callable[..., None]


@pytest.fixture
def act(tmp_path: Path) -> Act:
    async def run(scenario: Scenario, heartbeat: float) -> None:
        async with place(tmp_path, heartbeat) as made, asyncio.timeout(60):
            await scenario(made)

    return lambda scenario, heartbeat=60.0: asyncio.run(run(scenario, heartbeat))


def test_a_worker_is_welcome_if_its_payout_key_vouches_for_it(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as ann:
            welcome = await ann.joins()
            assert Derive(OURS.secret).worker_of(welcome.token) is not None
            await ann.dealer.send(messages.Heartbeat())
            assert await ann.hears(messages.Heartbeat)

    act(scenario)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"payout": Address(b"\x05" * 20)}, "has not signed"),
        ({"binding": Signature(bytes(65))}, "has not signed"),
        ({"payout": NOBODY, "binding": Signature(bytes(65))}, "is nobody's"),
        ({"slots": 0}, "slots"),
        ({"slots": 10**6}, "slots"),
        ({"verifier": True}, "verifiers"),
    ],
)
def test_others_are_refused_with_the_reason(act: Act, changes: dict[str, Any], says: str) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as eve:
            await eve.dealer.send(eve.hello(**changes))
            assert says in (await eve.hears(messages.Refused)).reason

    act(scenario)


def test_a_banned_worker_hears_why_and_gets_what_it_has_earned(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            key = WorkerId(ann.keys.public)
            await it.keeper.record(events.WorkerBanned(time.time(), key, "renders noise"))
            assert "renders noise" in (await ann.hears(messages.Refused)).reason
            await probed(it, judge, lease, 0.5)
            while not it.keeper.book.jobs[JOB].ledger.owed:
                await judge.dealer.send(messages.Heartbeat())
                await judge.hears(messages.Heartbeat)
            earned = Voucher(JOB, ann.payout.address, lease.price)
            signed = SignedVoucher(earned, Signature(bytes(65)), Signature(bytes(65)))
            await it.keeper.record(events.VoucherSigned(time.time(), signed))
            async with it.guest(ann.keys) as again:
                again.payout = ann.payout
                await again.dealer.send(again.hello())
                assert (await again.hears(messages.Pay)).voucher == signed
                assert "renders noise" in (await again.hears(messages.Refused)).reason
                assert not it.keeper.book.workers[key].online
                await it.keeper.record(events.WorkerUnbanned(time.time(), key))
                await again.joins()

    act(scenario)


def test_who_has_not_said_hello_is_asked_to(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as eve:
            await eve.dealer.send(messages.Heartbeat())
            assert (await eve.hears(messages.Refused)).reason.startswith("unknown")

    act(scenario)


def test_a_worker_that_could_not_be_told_is_brought_up_to_date(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as ann:
            await ann.joins()
            it.router.forget(WorkerId(ann.keys.public))  # as between a cut connection and the next word
            await it.opens_a_job()  # whose CALL does not reach her
            await ann.dealer.send(messages.Heartbeat())
            assert (await ann.hears(messages.Refused)).reason.startswith("unknown")
            await ann.joins()
            assert (await ann.hears(messages.Call)).job == JOB

    act(scenario)


def test_a_silent_worker_is_noticed(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as ann, it.guest() as bob:
            async with ann.beating():
                await ann.joins()
                await it.opens_a_job()
                called = await ann.hears(messages.Call)
                await ann.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
                await ann.hears(messages.Grant)  # and falls silent
            async with bob.beating():
                await bob.joins()
                await bob.hears(messages.Call)
                await bob.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
                assert (await bob.hears(messages.Grant)).lease.attempt == 2

    act(scenario, heartbeat=0.4)


def test_who_speaks_while_nobody_reads_is_not_taken_for_gone(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = 0.2  # five of these may pass while the log waits for the disk

    async def scenario(it: Place) -> None:
        async with it.guest() as ann, it.guest() as bob:
            async with ann.beating(), bob.beating():
                await it.opens_a_job()
                await ann.joins()
                called = await ann.hears(messages.Call)
                await ann.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
                lease = (await ann.hears(messages.Grant)).lease
                await bob.joins()
            asked, answered = threading.Event(), threading.Event()

            def slow(_: Digest) -> bool:
                asked.set()
                return answered.wait(20) and False

            monkeypatch.setattr(it.blobs, "has", slow)
            monkeypatch.setattr(it.blobs, "surely_has", lambda _digest: False)  # as a bucket has it
            await ann.dealer.send(ann.result(lease, Digest(bytes(32))))
            await asyncio.to_thread(asked.wait, 20)
            await asyncio.sleep(1.5 * SILENT_HEARTBEATS * beat)  # the store is away for so long
            await bob.dealer.send(messages.Heartbeat())
            answered.set()
            assert await bob.hears(messages.Heartbeat)
            time.sleep(1.5 * SILENT_HEARTBEATS * beat)  # noqa: ASYNC251 all of the program stands still
            for each in (ann, bob):
                await each.dealer.send(messages.Heartbeat())
                assert await each.hears(messages.Heartbeat)
        left = [each for each in it.keeper._events.replay() if isinstance(each.event, events.WorkerLeft)]
        assert left == []

    act(scenario, heartbeat=beat)


def test_a_result_is_asked_for_again_if_its_image_cannot_be_looked_for(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as ann:
            await ann.joins()
            await it.opens_a_job()
            called = await ann.hears(messages.Call)
            await ann.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
            lease = (await ann.hears(messages.Grant)).lease
            delivery = ann.result(lease, await it.image(0.5))
            has, away = it.blobs.has, iter([True])

            def sometimes(digest: Digest) -> bool:
                if next(away, False):
                    raise BlobsAway("not now")
                return has(digest)

            monkeypatch.setattr(it.blobs, "has", sometimes)
            monkeypatch.setattr(it.blobs, "surely_has", lambda _digest: False)  # as a bucket has it
            await ann.dealer.send(delivery)
            assert "HELLO" in (await ann.hears(messages.Refused)).reason
            assert lease.unit not in it.keeper.book.jobs[JOB].results
            async with it.guest(VERIFIER) as judge:
                await judge.joins(verifier=True)
                await ann.joins()
                await ann.dealer.send(delivery)
                assert (await judge.hears(messages.Probe)).lease == lease.id

    act(scenario)


@contextlib.asynccontextmanager
async def delivered(
    it: Place, value: float, *, name: str = NAME
) -> AsyncIterator[tuple[Guest, Guest, Lease]]:
    """Ann has delivered a tile of that value; the verifier is there."""
    async with it.guest() as ann, it.guest(VERIFIER) as judge:
        await judge.joins(verifier=True)
        await ann.joins()
        await it.opens_a_job()
        called = await ann.hears(messages.Call)
        await ann.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
        granted = await ann.hears(messages.Grant)
        image = await it.image(value, name=name)
        await ann.dealer.send(ann.result(granted.lease, image))
        probe = await judge.hears(messages.Probe)
        salt = Derive(OURS.secret).salt(granted.lease.id)
        assert granted.commitment == probes.commitment(salt)
        assert probe.rects == probes.place(salt, image, TILE, probes.plan(TILE, 0, SPP))
        assert not probe.twin
        yield ann, judge, granted.lease


async def probed(it: Place, judge: Guest, lease: Lease, value: float) -> None:
    salt = Derive(OURS.secret).salt(lease.id)
    image = it.keeper.book.jobs[JOB].results[lease.unit].image
    rects = probes.place(salt, image, TILE, probes.plan(TILE, 0, SPP))
    images = tuple([await it.image(value, rect) for rect in rects])
    await judge.dealer.send(messages.Probed(lease.id, images, (), 0.1))


async def rendered_again(it: Place, judge: Guest, lease: Lease, value: float, twin: float) -> None:
    """All of a tile that was suspected."""
    probe = await judge.hears(messages.Probe)
    assert (probe.lease, probe.rects, probe.twin) == (lease.id, (TILE,), True)
    both = (await it.image(value),), (await it.image(twin),)
    await judge.dealer.send(messages.Probed(lease.id, *both, 0.1))


@pytest.mark.parametrize(("truth", "outcome"), [(0.5, Outcome.ACCEPTED), (0.6, Outcome.REJECTED)])
def test_the_verifiers_pixels_decide(act: Act, truth: float, outcome: Outcome) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            await probed(it, judge, lease, truth)
            if outcome is Outcome.REJECTED:
                await rendered_again(it, judge, lease, truth, twin=truth)
            decided = await ann.hears(messages.Decided)
            assert decided.verdict.outcome is outcome
            assert decided.cumulative == (lease.price if outcome is Outcome.ACCEPTED else 0)
            again = ann.result(lease, it.keeper.book.jobs[JOB].results[0].image)
            await ann.dealer.send(again)  # an unacknowledged result is sent again, and answered again
            assert (await ann.hears(messages.Decided)).verdict == decided.verdict

    act(scenario)


def test_a_verifier_that_fails_blames_nobody_and_is_asked_again(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            await judge.dealer.send(messages.ProbeFailed(lease.id, "out of memory"))
            assert (await judge.hears(messages.Probe)).lease == lease.id
            await probed(it, judge, lease, 0.5)
            assert (await ann.hears(messages.Decided)).verdict.outcome is Outcome.ACCEPTED

    act(scenario)


def test_a_disk_that_fails_blames_nobody(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            evidence = it.folder / "evidence"
            evidence.write_bytes(b"in the way of the folder")
            await probed(it, judge, lease, 0.5)
            assert (await judge.hears(messages.Probe)).lease == lease.id  # asked again
            evidence.unlink()
            await probed(it, judge, lease, 0.5)
            assert (await ann.hears(messages.Decided)).verdict.outcome is Outcome.ACCEPTED

    act(scenario)


def test_a_juror_that_is_killed_while_it_has_nothing_to_do_costs_nobody_anything(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            await judge.dealer.send(messages.Probed(lease.id, (), (), 0.1))  # without images: asked again
            assert (await judge.hears(messages.Probe)).lease == lease.id
            (juror,) = psutil.Process().children()
            juror.kill()
            await asyncio.to_thread(psutil.wait_procs, [juror], 10)
            await probed(it, judge, lease, 0.5)
            assert (await ann.hears(messages.Decided)).verdict.outcome is Outcome.ACCEPTED

    act(scenario)


def test_an_image_with_a_name_of_two_lines_is_rejected_in_one(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5, name="B\nB") as (ann, judge, lease):
            await probed(it, judge, lease, 0.5)
            said = (await ann.hears(messages.Decided)).verdict
            assert said.outcome is Outcome.REJECTED
            assert r"not the scene's: 'B\nB'" in said.reason

    act(scenario)


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import time; time.sleep(60)",
        "print('no ruling', flush=True)",
        "import sys; sys.stdout.write('x' * 100_000); sys.stdout.flush(); sys.stdin.read()",
    ],
)
def test_an_image_that_its_reader_does_not_survive_takes_no_coordinator_with_it(
    act: Act, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            with monkeypatch.context() as patch:
                patch.setattr(court, "PROGRAM", (sys.executable, "-c", program))
                patch.setattr(court, "PATIENCE_SECONDS", 0.1)
                await probed(it, judge, lease, 0.5)
                assert (await judge.hears(messages.Probe)).lease == lease.id  # asked again
            await probed(it, judge, lease, 0.5)
            assert (await ann.hears(messages.Decided)).verdict.outcome is Outcome.ACCEPTED

    act(scenario)


def test_a_worker_cannot_judge(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (ann, judge, lease):
            await probed(it, ann, lease, 0.5)
            await ann.dealer.send(messages.Heartbeat())
            await ann.hears(messages.Heartbeat)
            assert it.keeper.book.jobs[JOB].units[0].phase is Phase.DELIVERED
            await probed(it, judge, lease, 0.5)
            await ann.hears(messages.Decided)

    act(scenario)


def test_results_are_taken_only_signed_uploaded_and_on_ones_own_lease(act: Act) -> None:
    async def scenario(it: Place) -> None:
        async with delivered(it, 0.5) as (_, _, lease), it.guest() as eve:
            await eve.joins()
            await eve.dealer.send(eve.result(lease, await it.image(0.5)))
            assert "somebody else" in (await eve.hears(messages.Revoke)).reason
            job, unit, _ = lease_parts(lease.id)
            nowhere = replace(lease, id=lease.id[:-1] + "9", job=job, unit=unit)
            await eve.dealer.send(eve.result(nowhere, await it.image(0.5)))
            await eve.hears(messages.Revoke)
            rubbish = replace(eve.result(lease, await it.image(0.5)).result, lease="rubbish")  # type: ignore[arg-type]
            await eve.dealer.send(messages.Deliver(rubbish))
            assert "no such lease" in (await eve.hears(messages.Revoke)).reason

    act(scenario)


@pytest.mark.parametrize(
    ("uploaded", "by", "says"), [(False, None, "uploaded"), (True, signing.Key.generate(), "signature")]
)
def test_a_result_without_its_image_or_signature_is_sent_back(
    act: Act, uploaded: bool, by: signing.Key | None, says: str
) -> None:
    async def scenario(it: Place) -> None:
        async with it.guest() as ann:
            await ann.joins()
            await it.opens_a_job()
            called = await ann.hears(messages.Call)
            await ann.dealer.send(messages.AskFor(called.job, Wei(40), 1, 2_000_000_000, warm=False))
            lease = (await ann.hears(messages.Grant)).lease
            image = await it.image(0.5) if uploaded else Digest(b"\x08" * 32)
            await ann.dealer.send(ann.result(lease, image, by))
            assert says in (await ann.hears(messages.Revoke)).reason

    act(scenario)
