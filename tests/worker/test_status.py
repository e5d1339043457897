"""Whether a worker runs, told without its lock."""

import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tegula_worker import snapshot, status, store
from tegula_worker.snapshot import Snapshot
from tegula_worker.status import Life
from worker.test_snapshot import MOMENT

BEGUN = int(psutil.Process().create_time()) + 1
RUNS = replace(MOMENT, pid=os.getpid(), since=BEGUN)


def _ended_pid() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


@pytest.mark.parametrize(
    ("moment", "age", "life"),
    [
        (None, 0, Life.NEVER),
        (RUNS, 3, Life.RUNS),
        (RUNS, 61, Life.SILENT),
        (replace(RUNS, since=BEGUN - 86_400), 3, Life.ENDED),  # its number is another process's now
    ],
)
def test_its_life(moment: Snapshot | None, age: int, life: Life) -> None:
    assert status.life(moment, age) is life


def test_a_process_that_has_ended() -> None:
    assert status.life(replace(RUNS, pid=_ended_pid()), 3) is Life.ENDED


def test_a_folder_in_use(tmp_path: Path) -> None:
    with store.opened(tmp_path):
        snapshot.write(tmp_path, replace(RUNS, at=5000))
        found = status.look(tmp_path, lambda: 5007.9)
    assert (found.life, found.age, found.books.tokens) == (Life.RUNS, 7, ())
    assert found.moment == replace(RUNS, at=5000)


def test_no_folder_at_all(tmp_path: Path) -> None:
    found = status.look(tmp_path / "none")
    assert (found.life, found.age, found.moment) == (Life.NEVER, 0, None)
    assert list(tmp_path.iterdir()) == []
