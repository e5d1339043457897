"""The API over real HTTP messages, on a real book, log and blob folder; only the chain is a stand-in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from coordinator.playbook import ANN, BOB, JUDGE, joined, judged, result
from orders import an_order
from tegula_blender.market_view import MarketView, Present
from tegula_coordinator import events, tiles
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import Command
from tegula_coordinator.derive import Derive
from tegula_coordinator.desk import Desk
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.http_api import create_app
from tegula_coordinator.store import EventLog
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import bundles, chain, signing
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    Order,
    Outcome,
    SceneFile,
    SceneManifest,
    Terms,
    Voucher,
    Wei,
    lease_id,
)
from tegula_market.vouchers import Domain
from trials import MANIFEST as MANIFEST_OF_TRIAL
from trials import Court

DOMAIN = Domain(31337, Address(b"\x0e" * 20))
COORDINATOR, SESSION = signing.Key.generate(), signing.Key.generate()
TOKEN, DERIVE = "a-requesters-token", Derive(b"k" * 32)
AS_REQUESTER = {"Authorization": f"Bearer {TOKEN}"}
BLEND = b"BLENDER and so on"
MANIFEST = SceneManifest("scene.blend", (SceneFile("scene.blend", digest(BLEND), len(BLEND)),))


class Deposits:
    """Stands in for the escrow: holds what a test put there."""

    domain = DOMAIN

    def __init__(self) -> None:
        self.of: dict[JobId, int] = {}

    def account(self, job: JobId) -> chain.Account:
        status = chain.Status.OPEN if job in self.of else chain.Status.NONE
        return chain.Account(Wei(self.of.get(job, 0)), Wei(0), status)


class House:
    """A coordinator without workers: a client of its API, and its bookkeeper for what workers would bring."""

    def __init__(
        self, client: httpx.AsyncClient, keeper: Bookkeeper, deposits: Deposits, kept: EvidenceFolder
    ) -> None:
        self.client, self.keeper, self.deposits, self.kept = client, keeper, deposits, kept
        self.commands: list[Command] = []

    async def upload(self, data: bytes) -> None:
        answer = await self.client.put(
            f"/v1/blobs/{codec.encode(digest(data))}", content=data, headers=AS_REQUESTER
        )
        assert answer.status_code == 201, answer.text

    async def order(self, order: Order, signer: signing.Key = SESSION) -> httpx.Response:
        payload = vouchers.order_payload(DOMAIN, chain.job_id(order.terms), digest(codec.dumps(order)))
        body = {"order": codec.encode(order), "signature": codec.encode(signing.sign(payload, signer))}
        return await self.client.post("/v1/jobs", json=body, headers=AS_REQUESTER)

    async def open(self, order: Order) -> JobId:
        await self.upload(BLEND)
        await self.upload(codec.dumps(MANIFEST))
        self.deposits.of[chain.job_id(order.terms)] = auction.most(tiles.sizes(order), order.ceiling)
        answer = await self.order(order)
        assert answer.status_code == 201, answer.text
        return chain.job_id(order.terms)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path, headers=AS_REQUESTER)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.client.post(path, json=body, headers=AS_REQUESTER)


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    log = EventLog(f"sqlite:///{folder / 'book.db'}")
    keeper = Bookkeeper(Book(tiles.sizes, Timing(call_seconds=0.001, lease_seconds=100)), log)
    deposits = Deposits()
    blobs = BlobFolder(folder / "blobs", 10**6)
    kept = EvidenceFolder(folder / "evidence", blobs)
    desk = Desk(keeper, blobs, kept, deposits, COORDINATOR, DERIVE, frozenset({TOKEN}), {"router": "tcp://x"})  # type: ignore[arg-type]
    transport = httpx.ASGITransport(create_app(desk))
    async with (
        asyncio.TaskGroup() as tasks,
        httpx.AsyncClient(transport=transport, base_url="http://it") as client,
    ):
        made = House(client, keeper, deposits, kept)

        async def carry_out(command: Command) -> None:
            made.commands.append(command)

        keeping = tasks.create_task(keeper.keep(carry_out))
        yield made
        keeping.cancel()
    log.close()


def an_honest_order(**changes: Any) -> Order:
    terms = Terms(
        Address(b"\x01" * 20),
        SESSION.address,
        COORDINATOR.address,
        Address(b"\x04" * 20),
        int(time.time()) + 1000,
        3600,
        bytes(32),
    )
    return replace(an_order(manifest=digest(codec.dumps(MANIFEST))), terms=replace(terms, **changes))


Scenario = Callable[[House], Coroutine[Any, Any, None]]


@pytest.fixture
def act(tmp_path: Path) -> Callable[[Scenario], None]:
    async def run(scenario: Scenario) -> None:
        async with house(tmp_path) as made, asyncio.timeout(20):
            await scenario(made)

    return lambda scenario: asyncio.run(run(scenario))


Act = Callable[[Scenario], None]


def test_anybody_may_ask_who_it_is(act: Act) -> None:
    async def scenario(it: House) -> None:
        about = (await it.client.get("/v1/about")).json()
        assert about["coordinator"] == codec.encode(COORDINATOR.address)
        assert (await it.client.get("/v1/health")).json() == {"ok": True}
        paths = (await it.client.get("/openapi.json")).json()["paths"]
        assert "/v1/jobs/{job}/events" in paths

    act(scenario)


def test_nothing_else_goes_without_a_token(act: Act) -> None:
    async def scenario(it: House) -> None:
        blob = f"/v1/blobs/0x{'00' * 32}"
        job = f"/v1/jobs/0x{'00' * 32}"
        asked = [
            ("GET", blob),
            ("PUT", blob),
            ("HEAD", blob),
            ("POST", "/v1/blobs/missing"),
            ("POST", "/v1/jobs"),
            ("GET", "/v1/market"),
        ]
        asked += [("GET", job), ("GET", job + "/events"), ("GET", job + "/units/0/attempts/1/evidence")]
        asked += [("POST", f"{job}/{act}") for act in ("vouchers", "cancel", "close")]
        for method, path in asked:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                assert (await it.client.request(method, path, headers=headers)).status_code == 401, path
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        assert (await it.client.get(blob, headers=worker)).status_code == 404
        assert (await it.client.get(job, headers=worker)).status_code == 401

    act(scenario)


def test_the_market_is_told_before_there_is_a_job(act: Act) -> None:
    async def scenario(it: House) -> None:
        async def market() -> MarketView:
            return codec.decode(MarketView, await it.get("/v1/market"))

        assert (await market()).workers == ()
        for worker in (ANN, BOB, JUDGE):
            await it.keeper.record(joined(worker))
        seen = await market()
        ours = Present("4.5.15", "CPU", 1, None)
        assert (seen.workers, seen.verifiers, seen.prices, seen.speeds) == ((ours, ours), (ours,), (), ())
        assert abs(seen.at - time.time()) < 60

        await render(it, await it.open(an_honest_order()))
        seen = await market()
        asked, silent = (worker.ask for worker in seen.workers)
        assert asked is not None
        assert (asked.price, silent) == (40, None)
        assert [priced.price for priced in seen.prices] == [40]
        (speed,) = seen.speeds
        # 4 tiles, 64 x 48 pixels, 16 samples: 0.049152 megasamples in 4 seconds
        assert (speed.device, speed.results, speed.jobs) == ("CPU", 4, 1)
        assert speed.mean == speed.slowest == speed.fastest == pytest.approx(0.049152 / 4)
        await it.keeper.record(events.WorkerLeft(time.time(), ANN, "left"))
        left = await market()
        assert [worker.ask for worker in left.workers] == [None]
        assert left.speeds == (speed,)

    act(scenario)


def test_blobs_go_up_and_down_by_digest(act: Act) -> None:
    async def scenario(it: House) -> None:
        path = f"/v1/blobs/{codec.encode(digest(BLEND))}"
        wanted = {"digests": [codec.encode(digest(BLEND))]}
        assert (await it.post("/v1/blobs/missing", wanted)).json() == {"missing": wanted["digests"]}
        wrong = await it.client.put(path, content=b"something else", headers=AS_REQUESTER)
        assert wrong.status_code == 422
        await it.upload(BLEND)
        assert (await it.post("/v1/blobs/missing", wanted)).json() == {"missing": []}
        assert (await it.client.head(path, headers=AS_REQUESTER)).status_code == 200
        assert (await it.client.get(path, headers=AS_REQUESTER)).content == BLEND
        large = await it.client.put(path, content=bytes(10**6 + 1), headers=AS_REQUESTER)
        assert large.status_code == 413

    act(scenario)


def test_a_job_opens_once_its_deposit_and_blobs_are_there(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = an_honest_order()
        job = await it.open(order)
        assert (await it.order(order)).status_code == 201  # said twice, opened once
        view = await it.get(f"/v1/jobs/{codec.encode(job)}")
        assert (view["phase"], len(view["units"]), view["clearing_price"]) == ("OPEN", 4, None)

    act(scenario)


@pytest.mark.parametrize(
    ("changes", "signer", "status", "says"),
    [
        ({"coordinator": Address(b"\x09" * 20)}, SESSION, 422, "another coordinator"),
        ({"deadline": 1000}, SESSION, 422, "deadline"),
        ({}, signing.Key.generate(), 422, "not signed"),
    ],
)
def test_an_order_that_does_not_hold_is_refused(
    act: Act, changes: dict[str, Any], signer: signing.Key, status: int, says: str
) -> None:
    async def scenario(it: House) -> None:
        await it.open(an_honest_order(salt=b"\x01" * 32))
        answer = await it.order(an_honest_order(**changes), signer)
        assert answer.status_code == status
        assert says in answer.json()["detail"]

    act(scenario)


def test_an_order_without_blobs_or_deposit_is_refused(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = an_honest_order()
        assert "manifest is not uploaded" in (await it.order(order)).json()["detail"]
        await it.upload(codec.dumps(MANIFEST))
        assert "1 files" in (await it.order(order)).json()["detail"]
        await it.upload(BLEND)
        unfunded = await it.order(order)
        assert (unfunded.status_code, "no open job" in unfunded.json()["detail"]) == (402, True)
        it.deposits.of[chain.job_id(order.terms)] = 1
        short = await it.order(order)
        assert (short.status_code, "holds 1" in short.json()["detail"]) == (402, True)

    act(scenario)


@pytest.mark.parametrize("body", [{}, {"order": {}, "signature": "0x00"}, {"order": [], "signature": 1}, []])
def test_malformed_orders_are_explained(act: Act, body: Any) -> None:
    async def scenario(it: House) -> None:
        answer = await it.post("/v1/jobs", body)
        assert answer.status_code == 422
        assert answer.json()["detail"]

    act(scenario)


async def render(it: House, job: JobId) -> int:
    """What workers and the verifier would do; what Ann is owed in the end."""
    for unit in range(4):
        await deliver(it, job, unit)
        await accept(it, job, unit)
    (owed,) = (await it.get(f"/v1/jobs/{codec.encode(job)}"))["owed"]
    return int(owed["cumulative"])


async def deliver(it: House, job: JobId, unit: int) -> None:
    now = time.time()
    if unit == 0:
        for worker in (ANN, JUDGE):
            await it.keeper.record(joined(worker))
        await it.keeper.record(events.AskArrived(now, Ask(ANN, job, Wei(40), 1, 2_000_000_000), warm=False))
        await it.keeper.record(events.CallEnded(now, job))
    lot = Digest(bytes(32))
    await it.keeper.record(events.ResultArrived(now, ANN, result(lease_id(job, unit, 1)), lot))


async def accept(it: House, job: JobId, unit: int) -> None:
    lease = lease_id(job, unit, 1)
    verdict = replace(judged(0, Outcome.ACCEPTED).verdict, lease=lease)  # type: ignore[union-attr]
    await it.keeper.record(events.Judged(time.time(), verdict, (), it.keeper.book.probers[lease].number, ()))


def test_a_job_goes_from_order_to_close(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        at = f"/v1/jobs/{codec.encode(job)}"
        owed = await render(it, job)
        assert (await it.get(at))["phase"] == "DONE"
        assert owed == sum(auction.price_of(size, Wei(40)) for size in tiles.sizes(an_honest_order()))

        worker = Address(ANN[:20])
        voucher = vouchers.voucher_payload(DOMAIN, Voucher(job, worker, Wei(owed)))
        body = {"worker": codec.encode(worker), "cumulative": str(owed)}
        forged = await it.post(
            f"{at}/vouchers", body | {"signature": codec.encode(signing.sign(voucher, COORDINATOR))}
        )
        assert forged.status_code == 422
        close = vouchers.close_payload(DOMAIN, job, Wei(owed))
        closing = {"owed": str(owed), "signature": codec.encode(signing.sign(close, SESSION))}
        assert (await it.post(f"{at}/close", closing)).status_code == 409  # not before the voucher
        good = body | {"signature": codec.encode(signing.sign(voucher, SESSION))}
        assert (await it.post(f"{at}/vouchers", good)).status_code == 200
        assert (await it.post(f"{at}/vouchers", good)).status_code == 200  # a repeated call does no harm
        for _ in range(2):
            signature = codec.decode(
                signing.Signature, (await it.post(f"{at}/close", closing)).json()["signature"]
            )
            assert signing.recover(close, signature) == COORDINATOR.address
        assert (await it.get(at))["phase"] == "CLOSED"

    act(scenario)


def test_a_result_is_not_shown_before_its_verdict(act: Act) -> None:
    """Or a requester could take the picture unpaid, and a worker with a token see what is audited."""

    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        at = f"/v1/jobs/{codec.encode(job)}"
        await deliver(it, job, 0)
        assert (await it.get(at))["units"][0]["phase"] == "DELIVERED"
        assert (await it.get(at))["units"][0]["image"] is None
        (result,) = (e for e in (await it.get(f"{at}/events"))["events"] if e["kind"] == "ResultArrived")
        assert result["body"]["lot"] is None
        assert result["body"]["result"]["image"] is None
        assert result["body"]["result"]["lease"] == lease_id(job, 0, 1)
        await accept(it, job, 0)
        assert (await it.get(at))["units"][0]["image"] is not None

    act(scenario)


def test_evidence_is_shown_once_nobody_can_deliver_it(act: Act, tmp_path: Path) -> None:
    """Until the tile is finished it could be leased to somebody who copies the verifier's pixels."""
    (tmp_path / "court").mkdir()
    court = Court(tmp_path / "court")

    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        stated = court.evidence(court.trial(times=1.02, whole=True))
        for name in (
            stated.trial.result.image,
            *stated.trial.images,
            *stated.trial.twins,
            digest(MANIFEST_OF_TRIAL),
        ):
            await it.upload(court.path(name).read_bytes())
        it.kept.keep(replace(stated, verdict=replace(stated.verdict, lease=lease_id(job, 0, 1))))
        at = f"/v1/jobs/{codec.encode(job)}/units"
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        early = await it.client.get(f"{at}/0/attempts/1/evidence", headers=worker)
        assert (early.status_code, "not finished" in early.json()["detail"]) == (425, True)
        await it.post(f"/v1/jobs/{codec.encode(job)}/cancel", {})
        for headers in (worker, AS_REQUESTER):
            shown = await it.client.get(f"{at}/0/attempts/1/evidence", headers=headers)
            assert shown.status_code == 200
        (tmp_path / "bundle.zip").write_bytes(shown.content)
        (tmp_path / "unpacked").mkdir()
        assert bundles.read(tmp_path / "bundle.zip", tmp_path / "unpacked")[0].trial == stated.trial
        for none in ("0/attempts/2", "1/attempts/1", "99999/attempts/1", "-1/attempts/1"):
            answer = await it.client.get(f"{at}/{none}/evidence", headers=worker)
            assert answer.status_code == 404, none

    act(scenario)


def test_events_are_followed_from_where_one_left_off(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        at = f"/v1/jobs/{codec.encode(job)}"
        first = await it.get(f"{at}/events")
        assert [e["kind"] for e in first["events"]] == ["JobOpened"]

        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(it.get(f"{at}/events?after={first['seq']}&wait=20"))
            await asyncio.sleep(0)
            assert (await it.post(f"{at}/cancel", {"reason": "enough"})).status_code == 200
        assert [e["kind"] for e in waiting.result()["events"]] == ["JobCancelled"]
        assert (await it.get(f"{at}/events?after={waiting.result()['seq']}&wait=0.01"))["events"] == []
        assert (await it.post(f"{at}/cancel", {})).status_code == 409

    act(scenario)


def test_a_job_nobody_opened_is_not_found(act: Act) -> None:
    async def scenario(it: House) -> None:
        for path in ("", "/events"):
            answer = await it.client.get(f"/v1/jobs/0x{'00' * 32}{path}", headers=AS_REQUESTER)
            assert answer.status_code == 404
        assert (await it.client.get("/v1/jobs/rubbish", headers=AS_REQUESTER)).status_code == 422

    act(scenario)
