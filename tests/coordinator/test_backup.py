"""Backups of a coordinator that goes on meanwhile, and put in place by test_restoring.py."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.house import accept, an_honest_order, deliver, house
from coordinator.store.test_log import KILLED
from tegula_coordinator import backup, restoring
from tegula_coordinator.backup import Contents, NoBackup, Places
from tegula_coordinator.config import Config
from tegula_coordinator.store import EventLog
from tegula_market import codec

EVIDENCE = f"evidence/{'ab' * 32}/0-1.json"


def config(data: Path) -> Config:
    return Config("http://chain", *[data / "none"] * 3, data=data)


def in_mid_job(data: Path, target: Path) -> tuple[Contents, int]:
    """A coordinator with a job whose first tile is accepted, and then its second; backed up between."""
    data.mkdir()

    async def run() -> tuple[Contents, int]:
        async with house(data) as it:
            job = await it.open(an_honest_order())
            await deliver(it, job, 0)
            await accept(it, job, 0)
            (data / EVIDENCE).parent.mkdir(parents=True)
            (data / EVIDENCE).write_bytes(b"{}")
            for name in ("outbox.db", "events.db"):
                with closing(sqlite3.connect(data / name)) as rows:
                    rows.execute("CREATE TABLE kept (a)")
            seq = it.keeper.seq
            made = await asyncio.to_thread(backup.make, Places.of(config(data)), target)
            await deliver(it, job, 1)
            await accept(it, job, 1)
            assert it.keeper.seq > seq
            return made, seq

    return asyncio.run(run())


def test_what_is_in_it(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar"
    made, _ = in_mid_job(tmp_path / "data", target)
    assert (made.book, made.blobs) == (True, True)
    names = [part.name for part in made.parts]
    assert names[:4] == ["events.db", "outbox.db", "book.db", EVIDENCE]
    assert len(names) == 6
    assert all(name.startswith("blobs/") for name in names[4:])
    with tarfile.open(target) as tar:
        assert tar.getnames() == [*names, "contents.json"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "data"]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar"
    in_mid_job(tmp_path / "data", target)
    before = target.read_bytes()
    with pytest.raises(NoBackup, match="is there already; name a new file"):
        backup.make(Places.of(config(tmp_path / "data")), target)
    assert target.read_bytes() == before


def test_what_cannot_be_backed_up_is_a_sentence(tmp_path: Path) -> None:
    places = Places.of(config(tmp_path / "data"))
    with pytest.raises(NoBackup, match="has this coordinator ever served"):
        backup.make(places, tmp_path / "backup.tar")
    in_mid_job(tmp_path / "data", tmp_path / "first.tar")
    with pytest.raises(NoBackup, match="cannot write the backup"):
        backup.make(places, tmp_path / "nowhere" / "backup.tar")
    blob = next((tmp_path / "data/blobs").glob("??/*"))
    blob.write_bytes(b"rotten")
    with pytest.raises(NoBackup, match=f"{blob.name} is not what its name says"):
        backup.make(places, tmp_path / "backup.tar")
    (tmp_path / "data/book.db").write_bytes(b"rotten" * 1000)
    with pytest.raises(NoBackup, match="not a database"):
        backup.make(places, tmp_path / "backup.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "first.tar"], "nothing half done"


def test_servers_and_buckets_are_left_to_themselves(tmp_path: Path) -> None:
    in_mid_job(tmp_path / "data", tmp_path / "first.tar")
    elsewhere = replace(
        config(tmp_path / "data"), database="postgresql://me@host/book", blobs="s3://bucket/here"
    )
    made = backup.make(Places.of(elsewhere), tmp_path / "backup.tar")
    assert (made.book, made.blobs) == (False, False)
    assert [part.name for part in made.parts] == ["events.db", "outbox.db", EVIDENCE]


@pytest.mark.slow
def test_a_backup_of_a_log_that_grows_is_its_beginning(tmp_path: Path) -> None:
    """The coordinator writes all the while, and is killed after it."""
    data, target = tmp_path / "data", tmp_path / "backup.tar"
    data.mkdir()
    command = [sys.executable, "-c", KILLED, f"sqlite:///{data / 'book.db'}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as doomed:
        assert doomed.stdout is not None
        for _ in range(10):
            before = int(doomed.stdout.readline())
        backup.make(Places.of(config(data)), target)
        after = int(doomed.stdout.readline())
        doomed.kill()
    assert before <= after
    restoring.restore(config(tmp_path / "elsewhere"), target)
    with (
        closing(EventLog(f"sqlite:///{data / 'book.db'}")) as original,
        closing(EventLog(f"sqlite:///{tmp_path / 'elsewhere' / 'book.db'}")) as copy,
    ):
        kept, found = list(original.replay()), list(copy.replay())
    assert before <= len(found) <= len(kept)
    assert found == kept[: len(found)]


def test_contents_are_json(tmp_path: Path) -> None:
    made, _ = in_mid_job(tmp_path / "data", tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        said = tar.extractfile("contents.json")
        assert said is not None
        assert json.loads(said.read()) == codec.encode(made)
