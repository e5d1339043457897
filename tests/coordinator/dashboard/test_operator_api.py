"""What the operator is told, over HTTP messages, and what nobody else is."""

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.house import (
    AS_OPERATOR,
    AS_REQUESTER,
    DERIVE,
    Act,
    House,
    accept,
    acting,
    an_honest_order,
    deliver,
    house,
    render,
)
from coordinator.playbook import ANN, JUDGE, joined, posted
from tegula_coordinator.book import Job, shelf
from tegula_coordinator.dashboard import sights
from tegula_market import codec
from tegula_market.lifecycle import JobPhase
from tegula_market.model import Address, JobId


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return acting(tmp_path)


def market(it: House, summaries: sights.Summaries | None = None) -> dict[str, Any]:
    return sights.market(it.keeper.book, summaries or sights.Summaries(), time.time())


def at(job: JobId) -> str:
    return f"/v1/operator/jobs/{codec.encode(job)}"


def test_nobody_else_is_told_anything(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = at(await it.open(an_honest_order()))
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        for path in ("/v1/operator", "/v1/operator/events", job, job + "/payments", job + "/units/0/preview"):
            for headers in ({}, AS_REQUESTER, worker, {"Authorization": "Bearer "}):
                assert (await it.client.get(path, headers=headers)).status_code == 401, path
        assert (await it.client.get("/v1/operator", headers=AS_OPERATOR)).json() == {"ok": True}
        blob = await it.client.get(f"/v1/blobs/0x{'00' * 32}", headers=AS_OPERATOR)
        assert blob.status_code == 401, "the operator's token is for looking"

    act(scenario)


def test_without_a_token_of_its_own_nobody_is_let_in(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, operator="") as it:
            for headers in ({}, {"Authorization": "Bearer "}, AS_OPERATOR):
                answer = await it.client.get("/v1/operator", headers=headers)
                assert answer.status_code == 404
                assert "operator_token_file" in answer.json()["detail"]

    asyncio.run(run())


def test_what_never_changes_of_a_job(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = replace(an_honest_order(requester=Address(b"\x77" * 20)), frames=(7, 9))
        job = await it.open(order)
        plan = (await it.client.get(at(job), headers=AS_OPERATOR)).json()
        assert (plan["frames"], plan["width"], plan["height"]) == ([7, 9], 64, 48)
        assert plan["rects"] == [[0, 0, 32, 32], [32, 0, 64, 32], [0, 32, 32, 48], [32, 32, 64, 48]]
        assert codec.encode(order.terms.requester) not in str(plan)
        assert (await it.client.get(at(JobId(bytes(32))), headers=AS_OPERATOR)).status_code == 404

    act(scenario)


def test_jobs_and_workers_are_told_and_no_requester(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = an_honest_order(requester=Address(b"\x77" * 20))
        job = await it.open(order)
        owed = await render(it, job)
        seen = market(it)
        (row,) = seen["jobs"]
        assert (row["phase"], row["tally"], row["earned"]) == ("DONE", {"ACCEPTED": 4}, str(owed))
        ann, judge = seen["workers"]
        assert (ann["earned"], judge["earned"]) == (
            [{"token": "0x" + "04" * 20, "earned": str(owed), "signed": "0"}],
            [],
        )
        assert ann["speed"] == pytest.approx(0.049152 / 4)
        assert (ann["passed"], ann["rejected"], ann["code"]) == (4, 0, "NO_JOBS")
        assert 0.8 < ann["right"] < 1
        (round_,) = seen["rounds"]
        assert (round_["price"], round_["asked"], round_["taken"]) == ("40", 1, 1)
        assert codec.encode(order.terms.requester) not in str(seen)

    act(scenario)


def test_depth_is_the_order_book(act: Act) -> None:
    async def scenario(it: House) -> None:
        await it.keeper.record(joined(ANN))
        await it.keeper.record(posted(ANN, 50))
        await it.open(an_honest_order())
        (side,) = market(it)["depth"]
        (of,) = side["classes"]
        assert of["asks"] == [{"price": "50", "slots": 1, "cumulative": 1}]
        (bid,) = side["bids"]
        assert (bid["ceiling"], bid["tiles"]) == ("100", 4)

    act(scenario)


def test_live_jobs_come_first_and_of_those_that_ended_the_latest(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sights, "LATEST_ENDED", 1)

    async def scenario(it: House) -> None:
        made = [await it.open(an_honest_order(salt=bytes([salt]) * 32)) for salt in range(4)]
        for job in made[1:]:
            await it.post(f"/v1/jobs/{codec.encode(job)}/cancel", {})
        it.keeper.book.live.pop(made[1])
        it.keeper.book.live.pop(made[2])
        shown = [row["job"] for row in market(it)["jobs"]]
        assert shown == [codec.encode(made[index]) for index in (0, 3, 2)]

    act(scenario)


def test_a_frame_is_told_by_what_has_changed_with_reasons(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = replace(an_honest_order(), frames=(7, 9))
        job = await it.open(order)
        found, summaries = it.keeper.book.jobs[job], sights.Summaries()
        (waits,) = sights.frame(it.keeper.book, found, 1, summaries)["waiting"]
        assert (waits["code"], waits["units"]) == ("NO_WORKERS", [4, 5, 6, 7])
        await deliver(it, job, 0)
        mark = found.clock
        await accept(it, job, 0)
        later = sights.frame(it.keeper.book, found, 0, summaries, since=mark)
        changed = {unit["unit"]: unit["phase"] for unit in later["units"]}
        assert changed[0] == "ACCEPTED"
        assert 3 not in changed
        assert later["tally"]["ACCEPTED"] == 1

    act(scenario)


def test_only_accepted_tiles_are_shown(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        await deliver(it, job, 0)
        for unit in (0, 1, 99, -1):
            answer = await it.client.get(f"{at(job)}/units/{unit}/preview", headers=AS_OPERATOR)
            assert (answer.status_code, answer.json()["detail"]) == (
                404, "only tiles that are accepted are shown",
            )  # fmt: skip
        await accept(it, job, 0)
        answer = await it.client.get(f"{at(job)}/units/0/preview", headers=AS_OPERATOR)
        assert "cannot be shown" in answer.json()["detail"]  # of a worker that has uploaded nothing

    act(scenario)


def test_a_frame_that_is_not_there_is_refused(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = codec.encode(await it.open(an_honest_order()))
        for query, status in ((f"job={job}&frame=1", 422), ("job=rubbish", 422), (f"job=0x{'00' * 32}", 404)):
            answer = await it.client.get(f"/v1/operator/events?{query}", headers=AS_OPERATOR)
            assert answer.status_code == status

    act(scenario)


def test_a_payee_with_two_workers_has_earned_once(act: Act) -> None:
    async def scenario(it: House) -> None:
        await render(it, await it.open(an_honest_order()))
        (first, *_) = [worker for worker in market(it)["workers"] if not worker["verifier"]]
        assert first["worker"] == codec.encode(Address(ANN[:20]))
        assert len(first["earned"]) == 1
        assert JUDGE in it.keeper.book.workers

    act(scenario)


def test_a_job_that_is_put_away_is_shown_as_it_was(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        await render(it, job)
        it.keeper.book.jobs[job].stopped = JobPhase.CLOSED
        before, plan = market(it), (await it.client.get(at(job), headers=AS_OPERATOR)).json()
        shelf.put_away(it.keeper.book.jobs[job])
        after = market(it)
        for part in ("jobs", "rounds"):
            assert after[part] == before[part] != []
        assert (await it.client.get(at(job), headers=AS_OPERATOR)).json() == plan
        answer = await it.client.get(f"{at(job)}/units/0/preview", headers=AS_OPERATOR)
        assert "cannot be shown" in answer.json()["detail"], "an accepted tile that nobody uploaded"

    act(scenario)


def test_what_is_put_away_is_taken_out_by_a_thread(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, takers = shelf.whole, list[int]()

    def taken_out(job: Job) -> Job:
        takers.append(threading.get_ident())
        return whole(job)

    async def scenario(it: House) -> None:
        job = await it.open(an_honest_order())
        await render(it, job)
        shelf.put_away(it.keeper.book.jobs[job])
        monkeypatch.setattr(shelf, "whole", taken_out)
        summaries, of_job = sights.Summaries(), f"/v1/jobs/{codec.encode(job)}"
        for _ in range(2):
            await summaries.learn(it.keeper.book)
            assert market(it, summaries)["jobs"][0]["tally"] == {"ACCEPTED": 4}
        assert len(takers) == 1, "summed up once"
        await it.client.get(at(job), headers=AS_OPERATOR)
        for path in (of_job, f"{of_job}/units/0/attempts/1/evidence"):
            await it.client.get(path, headers=AS_REQUESTER)
        assert len(takers) == 4
        assert threading.get_ident() not in takers

    act(scenario)
