"""The API over real HTTP messages; only the chain is a stand-in."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from coordinator.house import (
    AS_REQUESTER,
    BLEND,
    COORDINATOR,
    DERIVE,
    DOMAIN,
    MANIFEST,
    SESSION,
    Act,
    House,
    accept,
    acting,
    an_honest_order,
    deliver,
    render,
)
from coordinator.playbook import ANN, BOB, JUDGE, joined, posted
from tegula_blender.market_view import MarketView, Present
from tegula_coordinator import bearer, events, problems, tiles
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.book import checkpoint
from tegula_coordinator.presence import Presence
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import bundles, chain, signing
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Ask,
    JobId,
    Voucher,
    Wei,
    lease_id,
)
from trials import MANIFEST as MANIFEST_OF_TRIAL
from trials import Court


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return acting(tmp_path)


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
            ("GET", "/v1/market/book"),
            ("GET", "/v1/market/prices"),
            ("GET", "/v1/market/idle"),
            ("GET", f"{job}/waiting"),
        ]
        asked += [("GET", job), ("GET", job + "/events"), ("GET", job + "/units/0/attempts/1/evidence")]
        asked += [("POST", f"{job}/{act}") for act in ("vouchers", "cancel", "close", "settle")]
        asked += [("POST", "/v1/deposits"), ("GET", f"/v1/accounts/0x{'00' * 20}")]
        for method, path in asked:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                assert (await it.client.request(method, path, headers=headers)).status_code == 401, path
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        assert (await it.client.get(blob, headers=worker)).status_code == 404
        assert (await it.client.get(job, headers=worker)).status_code == 401

    act(scenario)


def test_who_is_not_let_in_is_not_heard(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or anybody could keep a job's root from its workers, who get it after a silence of their requester."""

    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        heard: list[JobId] = []
        monkeypatch.setattr(Presence, "hear", lambda _, job: heard.append(job))
        path, body = f"/v1/jobs/{codec.encode(job)}", {"owed": "0", "signature": "0x", "reason": "x"}
        body |= {"worker": "0x", "cumulative": "0"}
        for what in ("vouchers", "cancel", "close", "settle"):
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = await it.client.post(f"{path}/{what}", json=body, headers=headers)
                assert answer.status_code == 401, what
        assert heard == []
        secret = bearer.fresh()
        it.tokens.add(Token("one", frozenset(Scope), requests=1), bearer.digest_of(secret))
        it.as_requester = {"Authorization": f"Bearer {secret}"}
        assert (await it.post(f"{path}/cancel", {"reason": "enough"})).status_code == 200  # counted once
        assert set(heard) == {job}

    act(scenario)


def test_what_a_token_may_not_do_is_said_and_what_is_too_much(act: Act) -> None:
    async def scenario(it: House) -> None:
        secret = bearer.fresh()
        reader = Token("reader", frozenset({Scope.READ}), requests=20)
        it.tokens.add(reader, bearer.digest_of(secret))
        as_reader = {"Authorization": f"Bearer {secret}"}
        job, blob = f"/v1/jobs/0x{'00' * 32}", f"/v1/blobs/0x{'00' * 32}"
        assert (await it.client.get("/v1/market", headers=as_reader)).status_code == 200
        wanted = {f"{job}/{act}": "order" for act in ("vouchers", "cancel", "close")}
        wanted |= {"/v1/jobs": "order", "/v1/deposits": "relay", f"{job}/settle": "relay"}
        for path, scope in wanted.items():
            answer = await it.client.post(path, headers=as_reader)
            assert (answer.status_code, f"this wants {scope}" in answer.json()["detail"]) == (403, True), path
        assert (await it.client.put(blob, content=b"", headers=as_reader)).status_code == 403
        unknown = await it.client.get("/v1/market", headers={"Authorization": "Bearer wrong"})
        assert unknown.headers["WWW-Authenticate"] == "Bearer"
        for _ in range(41):  # a minute may begin in between
            answer = await it.client.get("/v1/market", headers=as_reader)
            if answer.status_code != 200:
                break
        assert (answer.status_code, "20 requests a minute" in answer.json()["detail"]) == (429, True)
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert (await it.client.get("/v1/market", headers=AS_REQUESTER)).status_code == 200

    act(scenario)


def test_what_a_database_says_is_in_the_log_alone(act: Act, tmp_path: Path) -> None:
    """Anybody may send a token that has to be looked up."""

    async def scenario(it: House) -> None:
        with closing(sqlite3.connect(tmp_path / "book.db")) as connection:
            connection.execute("DROP TABLE tokens")
        with structlog.testing.capture_logs() as logged:
            answer = await it.client.get("/v1/market", headers={"Authorization": "Bearer of-somebody-else"})
        assert (answer.status_code, answer.json()["detail"]) == (503, problems.DATABASE)
        assert answer.headers["retry-after"] == "5"
        (said,) = [each["reason"] for each in logged if each["event"] == "database failed a request"]
        assert "no such table: tokens" in said

    act(scenario)


def test_who_did_what_is_in_the_audit_log(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = codec.encode(await it.open(an_honest_order()))
        assert (await it.post(f"/v1/jobs/{job}/cancel", {"reason": "enough"})).status_code == 200
        await it.client.get("/v1/market", headers={"Authorization": "Bearer wrong"})
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        tile = f"/v1/blobs/{codec.encode(digest(b'tile'))}"
        assert (await it.client.put(tile, content=b"tile", headers=worker)).status_code == 201
        noted = [(entry.who, entry.act, entry.subject) for entry in it.audit.last(100)]
        manifest = codec.encode(digest(codec.dumps(MANIFEST)))
        assert noted == [
            ("tokens_file", "upload", codec.encode(digest(BLEND))),
            ("tokens_file", "upload", manifest),
            ("tokens_file", "order", job),
            ("tokens_file", "cancel", job),
            ("127.0.0.1", "refused", "GET /v1/market"),
        ]
        assert [entry.detail for entry in it.audit.last(100)][3] == "enough"

    act(scenario)


def test_a_ban_ends_uploads_and_its_end_lets_them_in_again(act: Act) -> None:
    async def scenario(it: House) -> None:
        ann = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        place = f"/v1/blobs/{codec.encode(digest(b'tile'))}"

        async def put() -> int:
            return (await it.client.put(place, content=b"tile", headers=ann)).status_code

        assert await put() == 201
        await it.keeper.record(joined(ANN))
        await it.keeper.record(events.WorkerBanned(time.time(), ANN, "renders noise"))
        assert await put() == 403
        assert (await it.client.patch(f"{place}/upload", content=b"", headers=ann)).status_code == 403
        assert (await it.client.get(place, headers=ann)).status_code == 200
        await it.keeper.record(events.WorkerUnbanned(time.time(), ANN))
        assert await put() == 201

    act(scenario)


def test_a_token_opens_and_uploads_as_much_as_it_is_for(act: Act) -> None:
    async def scenario(it: House) -> None:
        secret = bearer.fresh()
        everything = frozenset(Scope)
        it.tokens.add(Token("small", everything, jobs=1, upload_bytes=20_000), bearer.digest_of(secret))
        it.as_requester = {"Authorization": f"Bearer {secret}"}
        first, second = an_honest_order(), an_honest_order(salt=b"\x01" * 32)
        job = await it.open(first)
        assert (await it.order(first)).status_code == 201
        it.deposits.of[chain.job_id(second.terms)] = it.deposits.of[job]
        full = await it.order(second)
        assert (full.status_code, "is for 1 open jobs" in full.json()["detail"]) == (429, True)
        assert full.headers["Retry-After"] == "60"
        large = await it.client.put(
            f"/v1/blobs/{codec.encode(digest(bytes(15_000)))}", content=bytes(15_000), headers=it.as_requester
        )
        assert (large.status_code, "20000 bytes a day" in large.json()["detail"]) == (429, True)

    act(scenario)


def test_an_order_is_noted_once_it_is_as_it_should_be(act: Act) -> None:
    """Or whoever likes could fill the audit log with orders that are refused."""

    async def scenario(it: House) -> None:
        order = an_honest_order()
        await it.upload_scene()
        assert (await it.order(order)).status_code == 402
        assert "order" not in {entry.act for entry in it.audit.last(100)}
        await it.open(order)
        await it.order(order)
        assert [entry.act for entry in it.audit.last(100)].count("order") == 1

    act(scenario)


def test_what_is_not_here_leaves_nothing_behind(act: Act) -> None:
    """Or whoever makes up digests could fill the memory."""

    async def scenario(it: House) -> None:
        made_up = codec.encode(digest(b"made up"))
        assert (await it.post("/v1/blobs/missing", {"digests": [made_up]})).json()["missing"] == [made_up]
        for path, more in (
            (made_up, {}),
            (f"{made_up}/upload", {"Upload-Offset": "0", "Upload-Length": "9"}),
        ):
            method = "PATCH" if more else "PUT"
            answer = await it.client.request(
                method, f"/v1/blobs/{path}", content=b"else", headers=AS_REQUESTER | more
            )
            assert answer.status_code == (204 if more else 422)
        assert it.told._until == {}
        await it.upload(BLEND)
        assert it.told.lately(digest(BLEND))

    act(scenario)


def test_a_body_that_is_too_large_is_refused(act: Act) -> None:
    async def scenario(it: House) -> None:
        answer = await it.client.post("/v1/jobs", content=bytes(5 << 20), headers=AS_REQUESTER)
        assert (answer.status_code, "too large" in answer.json()["detail"]) == (413, True)

    act(scenario)


def test_a_job_that_waits_for_a_price_is_told_the_lowest_ask(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        path = f"/v1/jobs/{codec.encode(job)}"
        assert (await it.get(path))["lowest_ask"] is None, "nobody is there"
        await it.keeper.record(joined(ANN))
        await it.keeper.record(posted(ANN, 130))
        await it.keeper.record(events.AskArrived(time.time(), Ask(ANN, job, Wei(130), 1, 2**31), False))
        await it.keeper.record(events.CallEnded(time.time(), job))
        assert (await it.get(path))["lowest_ask"] == "130"
        await it.keeper.record(posted(ANN, 120))
        assert (await it.get(path))["lowest_ask"] == "120"
        (there,) = codec.decode(MarketView, await it.get("/v1/market")).workers
        assert (there.posted and there.posted.price, there.ask and there.ask.price) == (120, 130)

    act(scenario)


def test_the_order_book_is_told_and_described(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        await it.keeper.record(joined(ANN))
        await it.keeper.record(posted(ANN, 120))
        told = await it.get("/v1/market/book")
        (side,) = told["tokens"]
        asks = [{"price": "120", "slots": 1, "cumulative": 1}]
        assert side["classes"] == [{"device": "CPU", "blender": "4.5.15", "asks": asks}]
        (bid,) = side["bids"]
        assert (bid["ceiling"], bid["tiles"], bid["taken"]) == ("100", 4, 0)
        assert codec.encode(job) not in str(told)
        described = (await it.client.get("/openapi.json")).json()
        answer = described["paths"]["/v1/market/book"]["get"]["responses"]["200"]
        assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/OrderBook")

    act(scenario)


def test_the_market_is_told_before_there_is_a_job(act: Act) -> None:
    async def scenario(it: House) -> None:
        async def market() -> MarketView:
            return codec.decode(MarketView, await it.get("/v1/market"))

        assert (await market()).workers == ()
        for worker in (ANN, BOB, JUDGE):
            await it.keeper.record(joined(worker))
        idle = await it.get("/v1/market/idle")
        assert [each["code"] for each in idle["workers"]] == ["NO_JOBS", "NO_JOBS"]
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
        told = await it.get("/v1/market/prices")
        (on_cpu,) = told["classes"]
        *_, hour = on_cpu["candles"]
        assert (on_cpu["device"], on_cpu["token"], told["period"]) == ("CPU", "0x" + "04" * 20, 3600)
        assert [hour[name] for name in ("open", "high", "low", "close")] == ["40"] * 4
        assert sum(each["volume"] for each in on_cpu["candles"]) == pytest.approx(0.049152)
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
        for mark, units in {view["mark"]: 0, "another start-0": 4, "-": 4, "rubbish": 4}.items():
            later = await it.get(f"/v1/jobs/{codec.encode(job)}?since={mark}")
            assert len(later["units"]) == units
            assert {**later, "units": []} == {**view, "units": []}

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


def test_rubbish_is_not_the_signature_of_the_zero_address(act: Act) -> None:
    """Or vouchers could be signed with it, which coordinator and workers take, and the escrow does not."""

    async def scenario(it: House) -> None:
        order = an_honest_order(signer=Address(bytes(20)))
        await it.upload_scene()
        it.deposits.of[chain.job_id(order.terms)] = 10**9
        body = {"order": codec.encode(order), "signature": "0x" + "00" * 65}
        answer = await it.post("/v1/jobs", body)
        assert (answer.status_code, "not signed by the session key" in answer.json()["detail"]) == (422, True)

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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"costs": {"columns": 2, "weights": [1, 99]}}, "the weights of a cost map are 1 to 16"),
        ({"costs": {"columns": 3, "weights": [1, 2]}}, "a cost map has 1 to 8 columns and rows"),
        ({"costs": None}, "costs is left out where there is none"),
        ({"costs": {"columns": 1, "weights": [1]}, "tile": 1}, "choose larger tiles, or leave the map out"),
    ],
)
def test_a_cost_map_that_will_not_do_is_explained(act: Act, changes: dict[str, Any], says: str) -> None:
    async def scenario(it: House) -> None:
        order = an_honest_order()
        larger = replace(order, scene=replace(order.scene, resolution_x=1920, resolution_y=1080))
        body = {"order": codec.encode(larger) | changes, "signature": "0x" + "00" * 65}
        answer = await it.post("/v1/jobs", body)
        assert answer.status_code == 422
        assert says in answer.json()["detail"]

    act(scenario)


@pytest.mark.parametrize("body", [{}, {"order": {}, "signature": "0x00"}, {"order": [], "signature": 1}, []])
def test_malformed_orders_are_explained(act: Act, body: Any) -> None:
    async def scenario(it: House) -> None:
        answer = await it.post("/v1/jobs", body)
        assert answer.status_code == 422
        assert answer.json()["detail"]

    act(scenario)


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
        it.kept.settle()
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


def test_a_job_whose_events_are_cut_says_so(act: Act) -> None:
    async def scenario(it: House) -> None:
        older = f"/v1/jobs/{codec.encode(await it.open(an_honest_order()))}"
        assert (await it.get(f"{older}/events"))["cut"] is False
        later = f"/v1/jobs/{codec.encode(await it.open(an_honest_order(deadline=int(time.time()) + 2000)))}"
        seq = it.keeper.seq
        body = checkpoint.pack(it.keeper.book)
        assert it.log.cut(it.log.checkpoints.write(seq, 1.0, checkpoint.mark(), body)) == seq - 1
        told = await it.get(f"{older}/events")
        assert (told["events"], told["cut"]) == ([], True)
        assert (await it.get(f"{older}/events?after={seq}"))["cut"] is False
        told = await it.get(f"{later}/events")
        assert ([e["kind"] for e in told["events"]], told["cut"]) == (["JobOpened"], False)
        assert (await it.get(older))["phase"] == "OPEN"

    act(scenario)


def test_a_job_that_is_forgotten_is_gone_and_says_so(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        at = f"/v1/jobs/{codec.encode(job)}"
        await it.keeper.record(events.DepositRefunded(1.0, job))
        await it.keeper.record(events.JobForgotten(2.0, job))
        for path in (at, f"{at}/units/0/attempts/1/evidence"):
            answer = await it.client.get(path, headers=AS_REQUESTER)
            assert answer.status_code == 410
            assert "its tiles are forgotten" in answer.json()["detail"]
        kinds = [e["kind"] for e in (await it.get(f"{at}/events"))["events"]]
        assert kinds == ["JobOpened", "DepositRefunded", "JobForgotten"]

    act(scenario)


def test_a_job_nobody_opened_is_not_found(act: Act) -> None:
    async def scenario(it: House) -> None:
        for path in ("", "/events"):
            answer = await it.client.get(f"/v1/jobs/0x{'00' * 32}{path}", headers=AS_REQUESTER)
            assert answer.status_code == 404
        assert (await it.client.get("/v1/jobs/rubbish", headers=AS_REQUESTER)).status_code == 422

    act(scenario)


def test_without_a_currency_nothing_is_relayed(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        order, signature = an_honest_order(), "0x" + "00" * 65
        times = {"valid_after": 0, "valid_before": 1}
        deposit = {"terms": codec.encode(order.terms), "amount": "1", **times, "signature": signature}
        for answer in (
            await it.client.get(f"/v1/accounts/0x{'00' * 20}", headers=AS_REQUESTER),
            await it.post("/v1/deposits", deposit),
            await it.post(f"/v1/jobs/{codec.encode(job)}/settle", {"owed": "0", "signature": signature}),
        ):
            assert (answer.status_code, "relays no deposits" in answer.json()["detail"]) == (404, True)
        assert (await it.get(f"/v1/jobs/{codec.encode(job)}"))["phase"] == "OPEN"

    act(scenario)
