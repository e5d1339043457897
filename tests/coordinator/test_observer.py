import asyncio
import errno
import shutil
import time
from pathlib import Path

import pytest

from coordinator.house import an_honest_order, house
from coordinator.test_metrics import read
from tegula_coordinator import observer
from tegula_coordinator.metrics import Metrics
from tegula_coordinator.observer import DISK_TICKS, Observer
from tegula_coordinator.readiness import Readiness


def test_what_an_observer_sees(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it:
            made = Metrics()
            ready = Readiness(it.keeper.book, it.log, it.blobs, it.deposits)  # type: ignore[arg-type]
            watcher = Observer(made, it.keeper.book, it.blobs, ready, tmp_path)
            await watcher.look(1000.0)
            assert read(made)["blob_bytes"] == 0
            assert read(made)['ready{part="verifier"}'] == 0
            await it.open(an_honest_order())
            for _ in range(DISK_TICKS):
                await watcher.look(1001.0)
            seen = read(made)
            assert seen['tiles{phase="OPEN"}'] == 4
            assert seen["blob_bytes"] == it.blobs.size() > 0
            assert seen["free_bytes"] <= shutil.disk_usage(tmp_path).total

    asyncio.run(run())


def test_a_disk_that_is_away_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(*_: object) -> int:
        raise OSError(errno.ESTALE, "stale file handle")

    async def run() -> None:
        async with house(tmp_path) as it:
            made = Metrics()
            ready = Readiness(it.keeper.book, it.log, it.blobs, it.deposits)  # type: ignore[arg-type]
            monkeypatch.setattr(it.blobs, "size", stale)
            await Observer(made, it.keeper.book, it.blobs, ready, tmp_path).look(1000.0)
            free = read(made)["free_bytes"]
            assert free > 0
            monkeypatch.setattr(observer.shutil, "disk_usage", stale)
            await Observer(made, it.keeper.book, it.blobs, ready, tmp_path).look(1001.0)
            assert read(made)["free_bytes"] == free

    asyncio.run(run())


def test_how_late_the_loop_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            made, told = Metrics(), asyncio.Event()
            monkeypatch.setattr(observer, "TICK_SECONDS", 0.01)
            monkeypatch.setattr(made, "late", lambda seconds: seconds >= 0.2 and told.set())
            ready = Readiness(it.keeper.book, it.log, it.blobs, it.deposits)  # type: ignore[arg-type]
            watching = tasks.create_task(Observer(made, it.keeper.book, it.blobs, ready, tmp_path).watch())
            while not told.is_set():
                await asyncio.sleep(0)
                time.sleep(0.25)  # noqa: ASYNC251 what is measured: somebody holds the loop up
            watching.cancel()

    asyncio.run(run())
