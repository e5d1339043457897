import asyncio
import shutil
from pathlib import Path

import pytest

from coordinator.house import Act, House, acting, house
from coordinator.playbook import JUDGE, joined
from tegula_coordinator import events
from tegula_coordinator.readiness import FRESH_SECONDS, Check, Readiness
from tegula_coordinator.store import EventLog
from tegula_market.adapters import chain

SECRET = "https://node/with-a-password"


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return acting(tmp_path)


async def asked(it: House) -> tuple[int, dict[str, str]]:
    """The status, and the reasons of what is missing."""
    answer = await it.client.get("/v1/ready")
    checks = answer.json()["checks"]
    assert answer.json()["ready"] is all(check["ok"] for check in checks)
    assert [check["part"] for check in checks] == ["lead", "database", "blobs", "chain", "verifier"]
    return answer.status_code, {check["part"]: check["reason"] for check in checks if not check["ok"]}


def test_with_a_verifier_it_is_ready(act: Act) -> None:
    async def scenario(it: House) -> None:
        await it.keeper.record(joined(JUDGE))
        assert await asked(it) == (200, {})

    act(scenario)


def test_without_one_it_is_alive_and_not_ready(act: Act) -> None:
    async def scenario(it: House) -> None:
        status, missing = await asked(it)
        assert status == 503
        assert "run: tegula-worker run --verifier" in missing.pop("verifier")
        assert missing == {}
        assert (await it.client.get("/v1/health")).json() == {"ok": True}

    act(scenario)


def test_each_part_says_what_is_wrong_and_quotes_no_secret(act: Act, tmp_path: Path) -> None:
    def away(_job: object) -> None:
        raise chain.ChainError(f"cannot reach {SECRET}")

    async def scenario(it: House) -> None:
        await it.keeper.record(joined(JUDGE))
        it.deposits.account = away  # type: ignore[method-assign, assignment]
        shutil.rmtree(tmp_path / "blobs")
        status, missing = await asked(it)
        assert status == 503
        assert missing.keys() >= {"blobs", "chain"}
        assert "does not answer" in missing["chain"]
        assert SECRET not in str(missing)

    act(scenario)


def test_who_leads_no_more_is_not_ready(tmp_path: Path) -> None:
    async def run() -> None:
        log = EventLog(f"sqlite:///{tmp_path / 'book.db'}")
        async with house(tmp_path, log=log) as it:
            await it.keeper.record(joined(JUDGE))
            log.close()
            _, missing = await asked(it)
            assert "leads no more" in missing["lead"]

    asyncio.run(run())


def test_the_chain_is_not_asked_with_every_question(act: Act) -> None:
    async def scenario(it: House) -> None:
        calls: list[object] = []
        account = it.deposits.account
        it.deposits.account = lambda job: calls.append(job) or account(job)  # type: ignore[method-assign, func-returns-value]
        now = 100.0
        made = Readiness(it.keeper.book, it.log, it.blobs, it.deposits, lambda: now)  # type: ignore[arg-type]
        first = await asyncio.gather(made.look(), made.look())
        await it.keeper.record(joined(JUDGE))
        assert [await made.look(), *first] == [first[0]] * 3
        assert len(calls) == 1
        now += FRESH_SECONDS
        assert (await made.look())[-1] == Check("verifier", ok=True)
        assert len(calls) == 2
        await it.keeper.record(events.WorkerLeft(now, JUDGE, "left"))
        now += FRESH_SECONDS
        assert not (await made.look())[-1].ok

    act(scenario)
