import asyncio
from pathlib import Path

from coordinator.playbook import ANN, joined
from tegula_coordinator import tiles
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import Command
from tegula_coordinator.store import EventLog


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
