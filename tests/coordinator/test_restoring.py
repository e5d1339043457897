import io
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.store.test_log import leading
from coordinator.test_backup import EVIDENCE, config, in_mid_job
from databases import PostgreSQL, postgresql
from tegula_coordinator import backup, founding, restoring, scribe, tiles
from tegula_coordinator.backup import NoBackup, Places
from tegula_coordinator.book import Book, Timing, step
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.cli import app
from tegula_coordinator.scribe import Setting
from tegula_coordinator.store import EventLog, StoreError


@pytest.fixture
def made(tmp_path: Path) -> Path:
    in_mid_job(tmp_path / "data", tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def book_of(data: Path, upto: int | None = None) -> Book:
    book = Book(tiles.sizes, Timing(call_seconds=0.001, lease_seconds=100))
    with closing(EventLog(f"sqlite:///{data / 'book.db'}")) as log:
        for recorded in log.replay():
            if upto is None or recorded.seq <= upto:
                step(book, recorded.event)
    return book


def files(data: Path, under: str) -> dict[str, bytes]:
    paths = (path for path in (data / under).rglob("*") if path.is_file())
    return {str(path.relative_to(data)): path.read_bytes() for path in paths}


def test_a_coordinator_goes_on_elsewhere_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "backup.tar"
    _, seq = in_mid_job(tmp_path / "data", source)
    there = config(tmp_path / "elsewhere" / "data")
    (there.data / "blobs" / "incoming").mkdir(parents=True)  # of a start before the restore
    restoring.restore(there, source)
    assert book_of(there.data) == book_of(tmp_path / "data", seq) != book_of(tmp_path / "data")
    for under in ("blobs", "evidence"):
        assert files(there.data, under) == files(tmp_path / "data", under)
    assert (there.data / EVIDENCE).is_file()
    assert (there.data / "outbox.db").is_file()
    assert (there.data / "events.db").is_file()
    assert not list(there.data.parent.rglob("*.restoring"))


def test_a_log_that_was_cut_goes_on_elsewhere_too(tmp_path: Path) -> None:
    in_mid_job(tmp_path / "data", tmp_path / "whole.tar")
    original = book_of(tmp_path / "data")
    setting = Setting(f"sqlite:///{tmp_path / 'data' / 'book.db'}", call_seconds=0.001, lease_seconds=100)
    with closing(leading(setting.database)) as log:
        assert log.cut(scribe.write(setting)) > 0
    backup.make(Places.of(config(tmp_path / "data")), tmp_path / "backup.tar")
    there = config(tmp_path / "elsewhere" / "data")
    restoring.restore(there, tmp_path / "backup.tar")
    with closing(EventLog(there.database_url)) as log:
        keeper = Bookkeeper(Book(tiles.sizes, setting.timing), log)
        keeper.replay()
    assert keeper.book == original


LOGS = ["book.db-wal", "book.db-shm", "outbox.db-journal", "events.db-wal"]
"""What a kill leaves beside a database: SQLite would play it into the one that is put there."""


@pytest.mark.parametrize("name", ["book.db", "outbox.db", *LOGS, EVIDENCE, "blobs/ab/" + "ab" * 32])
def test_nothing_is_put_over_anything(made: Path, tmp_path: Path, name: str) -> None:
    there = config(tmp_path / "elsewhere")
    (there.data / name).parent.mkdir(parents=True)
    (there.data / name).write_bytes(b"mine")
    with pytest.raises(NoBackup, match="is there already; a backup is put over nothing"):
        restoring.restore(there, made)
    assert files(there.data, ".") == {name: b"mine"}


def test_nothing_is_restored_while_a_coordinator_serves(made: Path, tmp_path: Path) -> None:
    serving = leading(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    for path in tmp_path.glob("elsewhere.db*"):
        if path.suffix != ".lock":
            path.unlink()
    there = replace(config(tmp_path / "elsewhere"), database=f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with pytest.raises(StoreError, match="another coordinator serves"):
        restoring.restore(there, made)
    assert files(there.data, ".") == {}
    serving.close()


def test_a_second_restore_beside_the_first_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = config(tmp_path / "elsewhere")

    def second() -> None:
        with pytest.raises(StoreError, match="end it first"):
            restoring.restore(there, made)

    monkeypatch.setattr(restoring.os, "sync", second)
    restoring.restore(there, made)
    for under in ("blobs", "evidence"):
        assert files(there.data, under) == files(tmp_path / "data", under)
    assert (there.data / "book.db").is_file()


def test_nothing_is_put_over_what_a_faster_restore_has_put_there(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, quiet = config(tmp_path / "elsewhere"), restoring.quiet

    def late(url: str) -> AbstractContextManager[None]:
        monkeypatch.setattr(restoring, "quiet", quiet)
        restoring.restore(there, made)
        return quiet(url)

    monkeypatch.setattr(restoring, "quiet", late)
    with pytest.raises(NoBackup, match="is there already"):
        restoring.restore(there, made)
    assert files(there.data, "blobs") == files(tmp_path / "data", "blobs")


def test_a_part_that_somebody_takes_away_is_missed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = config(tmp_path / "elsewhere")
    monkeypatch.setattr(restoring.os, "sync", (there.data / "outbox.db.restoring").unlink)
    with pytest.raises(NoBackup, match=r"outbox\.db was unpacked and is gone again"):
        restoring.restore(there, made)
    assert set(files(there.data, ".")) <= {"book.db.lock"}


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    at = data.index(b"BLENDER and so on")
    return data[:at] + b"c" + data[at + 1 :]


def _endless(data: bytes) -> bytes:
    return data[: data.index(b"contents.json")] + bytes(10240)


def _another(name: str, **changes: object) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        for key, value in changes.items():
            setattr(entry, key, value)
        tar.addfile(entry, io.BytesIO(b"evil"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_halved, "part of it is missing|no backup|no end|damaged"),
        (_flipped, "is damaged: blobs/"),
        (_endless, "has no end"),
        (lambda _: b"", "no backup"),
        (lambda _: b"rubbish" * 1000, "no backup"),
        (lambda _: _another("../../evil"), "nothing that a coordinator has"),
        (lambda _: _another("/tmp/evil"), "nothing that a coordinator has"),
        (lambda _: _another("blobs/evil"), "nothing that a coordinator has"),
        (lambda _: _another("book.db", type=tarfile.SYMTYPE, linkname="/tmp/x"), "is no file"),
        (lambda _: _another("contents.json"), "contents cannot be read"),
    ],
)
def test_what_is_not_whole_leaves_nothing(
    made: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], says: str
) -> None:
    made.write_bytes(spoil(made.read_bytes()))
    there = config(tmp_path / "elsewhere")
    with pytest.raises(NoBackup, match=says):
        restoring.restore(there, made)
    assert set(files(there.data, ".")) <= {"book.db.lock"}
    assert not (tmp_path / "evil").exists()


def test_a_kill_in_the_middle_is_swept_by_the_next_one(made: Path, tmp_path: Path) -> None:
    there = config(tmp_path / "elsewhere")
    left = there.data / "blobs.restoring" / "ab" / ("ab" * 32)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    (there.data / "book.db.restoring").write_bytes(b"half")
    restoring.restore(there, made)
    assert files(there.data, "blobs") == files(tmp_path / "data", "blobs")
    assert not list(there.data.rglob("*.restoring"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"database": "postgresql://me@127.0.0.1:1/book"}, "cannot open the database"),
        ({"blobs": "s3://bucket/here"}, "set `blobs` as it was"),
    ],
)
def test_a_configuration_that_keeps_things_elsewhere(
    made: Path, tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    there = replace(config(tmp_path / "elsewhere"), **changes)  # type: ignore[arg-type]
    with pytest.raises((NoBackup, StoreError), match=says):
        restoring.restore(there, made)
    assert set(files(there.data, ".")) <= {"book.db.lock"}


@pytest.mark.slow
def test_beside_a_database_server(made: Path, tmp_path: Path) -> None:
    with postgresql() as server:
        _beside(server, made, tmp_path)


def _beside(server: PostgreSQL, made: Path, tmp_path: Path) -> None:
    there = replace(config(tmp_path / "elsewhere"), database=server.fresh())
    with pytest.raises(NoBackup, match="set `database` as it was"):
        restoring.restore(there, made)
    here = replace(config(tmp_path / "data"), database=there.database)
    backup.make(backup.Places.of(here), tmp_path / "without.tar")
    serving = leading(there.database)
    with pytest.raises(StoreError, match="a coordinator serves"):
        restoring.restore(there, tmp_path / "without.tar")
    serving.close()
    restoring.restore(there, tmp_path / "without.tar")
    assert files(there.data, "blobs") == files(tmp_path / "data", "blobs")
    with pytest.raises(NoBackup, match="has no database in it"):
        restoring.restore(config(tmp_path / "again"), tmp_path / "without.tar")


def test_the_commands(tmp_path: Path) -> None:
    folder = tmp_path / "market"
    founding.init(folder, "http://chain")
    in_mid_job(folder / "data", tmp_path / "first.tar")
    where = ["--config", str(folder / "coordinator.toml")]
    target = tmp_path / "backup.tar"
    said = CliRunner().invoke(app, ["backup", *where, "--to", str(target)])
    assert said.exit_code == 0, said.output
    assert '{"database": true, "evidence": 1, "blobs": 2, "bytes": ' in said.stdout
    assert "are not in it" in said.stderr
    secrets = [(folder / name).read_text().strip().encode() for name in founding.KEYS.values()]
    assert not [secret for secret in secrets if secret in target.read_bytes()]
    again = CliRunner().invoke(app, ["restore", *where, str(target)])
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    (folder / "data").rename(folder / "lost")
    done = CliRunner().invoke(app, ["restore", *where, str(target)])
    assert done.exit_code == 0, done.output
    assert "tegula-coordinator replay --config" in done.stderr
    assert book_of(folder / "data") == book_of(folder / "lost")
