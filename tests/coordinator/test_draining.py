import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from coordinator.house import House, accept, an_honest_order, deliver, house
from coordinator.playbook import ANN, BOB, joined
from tegula_coordinator import events
from tegula_coordinator.commands import SendLease
from tegula_coordinator.draining import drain
from tegula_market.model import JobId

LONG = 100.0
Act = Callable[[Callable[[House, JobId], Awaitable[None]]], None]


@pytest.fixture
def act(tmp_path: Path) -> Act:
    """With Ann, who has delivered a tile of four, which is being judged, and renders the second."""

    async def run(scenario: Callable[[House, JobId], Awaitable[None]]) -> None:
        async with house(tmp_path) as made, asyncio.timeout(30):
            job = await made.open(an_honest_order())
            await deliver(made, job, 0)
            assert made.keeper.book.under_way == 2
            await scenario(made, job)

    return lambda scenario: asyncio.run(run(scenario))


def logged(it: House) -> list[type[events.Event]]:
    return [type(each.event) for each in it.log.replay()]


def test_what_is_under_way_is_waited_for_and_nothing_more_begins(act: Act) -> None:
    async def scenario(it: House, job: JobId) -> None:
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(drain(it.keeper, asyncio.Event(), LONG))
            await it.keeper.beyond(it.keeper.seq, LONG)
            it.commands.clear()
            await accept(it, job, 0)
            await deliver(it, job, 1)
            assert not draining.done()
            await accept(it, job, 1)
        assert draining.result() == 0
        assert [each for each in it.commands if isinstance(each, SendLease)] == []
        assert len(it.keeper.book.jobs[job].open_units) == 2

    act(scenario)


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_not_for_longer_than_that(act: Act, seconds: float) -> None:
    async def scenario(it: House, _job: JobId) -> None:
        assert await drain(it.keeper, asyncio.Event(), seconds) == 2
        assert (events.Draining in logged(it)) == bool(seconds)

    act(scenario)


def test_somebody_in_a_hurry_ends_it_at_once(act: Act) -> None:
    async def scenario(it: House, _job: JobId) -> None:
        hurry = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(drain(it.keeper, hurry, LONG))
            await it.keeper.beyond(it.keeper.seq, LONG)
            hurry.set()
        assert draining.result() == 2

    act(scenario)


def test_who_has_nothing_under_way_ends_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it:
            await it.keeper.record(joined(ANN))
            assert await drain(it.keeper, asyncio.Event(), LONG) == 0
            assert events.Draining not in logged(it)

    asyncio.run(run())


def test_the_next_start_leases_again(act: Act) -> None:
    async def scenario(it: House, job: JobId) -> None:
        await drain(it.keeper, asyncio.Event(), 0.01)
        assert (
            (await it.client.get("/v1/ready"))
            .json()["checks"][0]["reason"]
            .startswith("this coordinator drains")
        )
        await it.keeper.record(events.Restarted(time.time()))
        it.commands.clear()
        await it.keeper.record(joined(BOB))
        assert it.keeper.book.jobs[job].calling or it.commands

    act(scenario)
