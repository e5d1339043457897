import asyncio
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coordinator.house import an_honest_order, house
from coordinator.playbook import ANN, JOB, NOW, SIGNATURE, a_book, joined, opened
from tegula_coordinator import events, tiles
from tegula_coordinator.book import RULES, Book, Job, Timing, shelf
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import Command
from tegula_coordinator.dashboard import live
from tegula_coordinator.store import EventLog, StoreError
from tegula_market.model import Wei


def test_a_worker_that_joins_before_the_book_is_kept_is_not_taken_for_gone(tmp_path: Path) -> None:
    async def carry_out(_: Command) -> None:
        pass

    async def play() -> None:
        log = EventLog(f"sqlite:///{tmp_path / 'book.db'}")
        log.lead()
        keeper = Bookkeeper(Book(tiles.sizes, Timing(call_seconds=1, lease_seconds=100)), log)
        async with asyncio.TaskGroup() as tasks:
            joining = tasks.create_task(keeper.record(joined(ANN)))
            keeping = tasks.create_task(keeper.keep(carry_out))
            await joining
            assert keeper.book.workers[ANN].online
            keeping.cancel()
        log.close()

    asyncio.run(play())


@pytest.mark.parametrize("rules", [RULES - 1, RULES + 1])
def test_a_log_that_other_rules_have_judged_is_refused(tmp_path: Path, rules: int) -> None:
    """It would come to another book: who was leased what is not in it."""
    log = EventLog(f"sqlite:///{tmp_path / 'book.db'}")
    log.lead()
    new = lambda: Bookkeeper(Book(tiles.sizes, Timing(call_seconds=1, lease_seconds=100)), log)  # noqa: E731
    log.append([events.Restarted(1.0, RULES), joined(ANN)])
    new().replay()
    log.append([events.Restarted(2.0, rules), joined(ANN)])
    with pytest.raises(StoreError, match=f"other rules \\({rules}, not {RULES}\\): end its jobs"):
        new().replay()
    log.close()


def test_a_closed_job_is_packed_while_others_have_their_turn(tmp_path: Path) -> None:
    units = 100
    script = [joined(ANN), opened(), events.JobCancelled(NOW + 1, JOB, "enough")]
    closed = events.JobClosed(NOW + 2, JOB, Wei(0), SIGNATURE)

    async def carry_out(_: Command) -> None:
        pass

    async def run(log: EventLog) -> Job:
        keeper = Bookkeeper(a_book(units), log)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.keep(carry_out))
            for event in (*script, closed):
                await keeper.record(event)
            keeping.cancel()
        job, turns = keeper.book.jobs[JOB], 0
        assert job.away is None
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tidying = tasks.create_task(keeper.tidy())
            while job.away is None:
                turns += 1
                await asyncio.sleep(0)
            tidying.cancel()
        assert turns > 2
        assert len(shelf.whole(job).units) == units
        return job

    with closing(EventLog(f"sqlite:///{tmp_path / 'book.db'}")) as log:
        log.lead()
        job = asyncio.run(run(log))
        again = Bookkeeper(a_book(units), log)
        again.replay()
        assert again.book.jobs[JOB] == job


def test_at_the_end_nobody_is_left_waiting(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            job = await it.open(an_honest_order())
            seq, looks = it.keeper.seq, 0

            async def look() -> Mapping[str, Any]:
                nonlocal looks
                looks += 1
                return {}

            async def read() -> None:
                async for _ in live.follow(it.keeper, look, least=0, longest=1000):
                    pass

            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(it.keeper.events_of(job, seq, 1000))
                tasks.create_task(it.keeper.beyond(seq, 1000))
                tasks.create_task(read())
                await asyncio.sleep(0)
                it.keeper.release()
            assert following.result() == []
            assert looks <= 1
            assert await it.keeper.events_of(job, seq, 1000) == []

    asyncio.run(run())
