"""Whose a job is: over HTTP messages, with every route that names one."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request

from coordinator.house import AS_REQUESTER, DERIVE, TOKEN, Act, House, acting, an_honest_order, house
from coordinator.playbook import ANN
from tegula_coordinator import bearer, guard
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.presence import Presence
from tegula_market import codec
from tegula_market.adapters import chain
from tegula_market.model import Address, JobId

REQUESTER, STRANGER = Address(b"\x01" * 20), Address(b"\x02" * 20)
OWN = frozenset({Scope.READ, Scope.ORDER, Scope.RELAY})
NOBODYS = f"0x{'00' * 32}"
BODIES = {
    "vouchers": {"worker": "0x" + "01" * 20, "cumulative": "1", "signature": "0x" + "00" * 65},
    "cancel": {"reason": "mine"},
    "close": {"owed": "0", "signature": "0x" + "00" * 65},
    "settle": {"owed": "0", "signature": "0x" + "00" * 65},
}
FOR_EVERYBODY = "/v1/jobs/{job}/root"


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return acting(tmp_path)


def token(it: House, name: str, **changes: Any) -> dict[str, str]:
    """Headers with a new one."""
    secret = bearer.fresh()
    it.tokens.add(replace(Token(name, OWN), **changes), bearer.digest_of(secret))
    return {"Authorization": f"Bearer {secret}"}


def routes(it: House) -> Iterator[tuple[str, str]]:
    """Method and path of each that names a job, as the API describes itself: so none is forgotten here."""
    for path, methods in it.app.openapi()["paths"].items():
        if path.startswith("/v1/jobs/{job}") and path != FOR_EVERYBODY:
            for method in methods:
                yield method, path


async def asked(it: House, method: str, path: str, job: str, headers: dict[str, str]) -> httpx.Response:
    where = path.format(job=job, unit=0, attempt=1)
    body = BODIES[path.rsplit("/", 1)[-1]] if method == "post" else None
    return await it.client.request(method, where, json=body, headers=headers)


def test_a_job_of_somebody_else_is_as_one_that_does_not_exist(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(it: House) -> None:
        heard: list[JobId] = []
        job = codec.encode(await it.open(an_honest_order()))
        monkeypatch.setattr(Presence, "hear", lambda _, job: heard.append(job))
        seen = 0
        for headers in (token(it, "other"), token(it, "stranger", account=STRANGER)):
            for method, path in routes(it):
                theirs, none = [await asked(it, method, path, each, headers) for each in (job, NOBODYS)]
                assert (theirs.status_code, theirs.json()) == (none.status_code, none.json()), path
                assert theirs.status_code == 404, path
                seen += 1
        assert seen >= 2 * 8
        assert heard == [], "or anybody could keep a root from its workers"
        assert (await it.get(f"/v1/jobs/{job}"))["phase"] == "OPEN"
        assert [entry.who for entry in it.audit.last(100) if entry.act in ("cancel", "close")] == []

    act(scenario)


def test_a_job_is_reached_by_its_requester_its_opener_and_who_reaches_all(act: Act) -> None:
    async def scenario(it: House) -> None:
        it.as_requester = opener = token(it, "opener")
        job = codec.encode(await it.open(an_honest_order()))
        theirs = token(it, "requester", account=REQUESTER)
        everybodys = token(it, "farm", scopes=OWN | {Scope.ALL})
        for headers in (opener, theirs, everybodys, AS_REQUESTER):
            for method, path in routes(it):
                answer = await asked(it, method, path, job, headers)
                assert "no such job" not in answer.text, path
        assert (await it.client.get(f"/v1/jobs/{job}", headers=theirs)).json()["phase"] == "CANCELLED"

    act(scenario)


def test_a_worker_gets_evidence_of_any_job_and_nothing_else_of_it(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = codec.encode(await it.open(an_honest_order()))
        worker = {"Authorization": f"Bearer {DERIVE.blob_token(ANN)}"}
        for method, path in routes(it):
            answer = await asked(it, method, path, job, worker)
            assert answer.status_code == (425 if path.endswith("evidence") else 401), path

    act(scenario)


def test_whose_an_order_is_not_opens_nothing(act: Act) -> None:
    async def scenario(it: House) -> None:
        order = an_honest_order()
        it.as_requester = token(it, "stranger", account=STRANGER)
        await it.upload_scene()
        refused = await it.order(order)
        assert (refused.status_code, "name another requester" in refused.json()["detail"]) == (403, True)
        it.as_requester = token(it, "one")
        await it.open(order)
        assert (await it.order(order)).status_code == 201  # said twice, opened once
        it.as_requester = token(it, "two")
        again = await it.order(order)
        assert (again.status_code, "opened with another token than two" in again.json()["detail"]) == (
            403,
            True,
        )
        it.as_requester = token(it, "later", account=REQUESTER)
        assert (await it.order(order)).status_code == 201

    act(scenario)


def test_whose_a_job_is_outlives_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        order = an_honest_order()
        at = f"/v1/jobs/{codec.encode(chain.job_id(order.terms))}"
        async with house(tmp_path) as it:
            it.as_requester = one = token(it, "one")
            await it.open(order)
            two = token(it, "two")
        async with house(tmp_path) as it:
            assert (await it.client.get(at, headers=one)).status_code == 200
            assert (await it.client.get(at, headers=two)).status_code == 404

    asyncio.run(run())


def test_a_job_of_before_there_were_owners_is_its_requester_s(tmp_path: Path) -> None:
    """Its event does not say who opened it: the log of an older coordinator is read as it is."""
    order = an_honest_order()
    at = f"/v1/jobs/{codec.encode(chain.job_id(order.terms))}"

    async def opened() -> None:
        async with house(tmp_path) as it:
            await it.open(order)

    async def looked_at() -> None:
        async with house(tmp_path) as it:
            answers = {
                name: (await it.client.get(at, headers=headers)).status_code
                for name, headers in {
                    "tokens_file": {"Authorization": f"Bearer {TOKEN}"},
                    "requester": token(it, "requester", account=REQUESTER),
                    "any": token(it, "any"),
                }.items()
            }
            assert answers == {"tokens_file": 200, "requester": 200, "any": 404}

    asyncio.run(opened())
    with closing(sqlite3.connect(tmp_path / "book.db")) as database, database:
        ((body,),) = database.execute("SELECT body FROM events WHERE kind = 'JobOpened'")
        older = json.loads(body)
        assert older.pop("opener") == "tokens_file"
        spelled = json.dumps(older, separators=(",", ":"), sort_keys=True).encode()
        database.execute("UPDATE events SET body = ? WHERE kind = 'JobOpened'", (spelled,))
    asyncio.run(looked_at())


def test_whether_a_job_has_a_root_is_all_that_anybody_learns(act: Act) -> None:
    async def scenario(it: House) -> None:
        job = codec.encode(await it.open(an_honest_order()))
        of_one, of_none = [await it.client.get(f"/v1/jobs/{each}/root") for each in (job, NOBODYS)]
        assert (of_one.status_code, of_one.json()) == (of_none.status_code, of_none.json())
        assert of_one.status_code == 404

    act(scenario)


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_of_ipv6_is_one_address(host: str, peer: str) -> None:
    """Or whoever has one could begin as many sign-ins as all others together."""
    assert guard.peer_of(Request({"type": "http", "client": (host, 1)})) == peer
