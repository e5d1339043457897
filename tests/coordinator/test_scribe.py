import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from coordinator.playbook import JOB
from coordinator.store.test_checkpoints import check, setting, story
from coordinator.store.test_log import leading
from coordinator.test_beginning import at, url
from tegula_coordinator import scribe
from tegula_coordinator.archivist import PROGRAM
from tegula_coordinator.book import Book, checkpoint
from tegula_coordinator.cli import app
from tegula_coordinator.scribe import Unfaithful
from tegula_coordinator.store import EventLog, StoreError
from tegula_market import codec

__all__ = ["url"]


def told(url: str, count: int) -> None:
    with closing(leading(url)) as log:
        if count:
            log.append([story(seq) for seq in range(1, count + 1)])


def test_a_checkpoint_is_written_while_another_program_leads(url: str) -> None:
    told(url, 6)
    with closing(leading(url)) as log:
        made = scribe.write(setting(url))
        assert (made.seq, made.at, made.mark) == (6, story(6).at, checkpoint.mark())
        assert log.checkpoints.all() == [made]
        assert scribe.write(setting(url)) == made
        log.append([story(7), story(8)])
        again = scribe.write(setting(url))
        assert again.seq == 8
    assert check(url) == 8


def test_what_would_be_another_book_is_not_kept(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told(url, 6)
    monkeypatch.setattr(checkpoint, "FIELDS", tuple(set(checkpoint.FIELDS) - {"workers"}))
    with pytest.raises(Unfaithful, match="report this"):
        scribe.write(setting(url))
    with closing(EventLog(url)) as log:
        assert log.checkpoints.all() == []


@pytest.mark.slow
def test_the_program_says_what_it_did_and_why_not(url: str, tmp_path: Path) -> None:
    told(url, 6)

    def run(database: str) -> subprocess.CompletedProcess[bytes]:
        line = codec.dumps(setting(database)) + b"\n"
        return subprocess.run(PROGRAM, input=line, capture_output=True, check=False)

    done = run(url)
    assert done.returncode == 0
    assert b"checkpoint written" in done.stderr
    failed = run(f"sqlite:///{tmp_path / 'nowhere' / 'book.db'}")
    assert failed.returncode == 1
    assert b"cannot open the database" in failed.stderr
    assert b"Traceback" not in failed.stderr


@pytest.fixture
def own_logs() -> Iterator[None]:
    """The command sets up the log for its process; here there are others in it."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("own_logs")
def test_an_operator_writes_one(tmp_path: Path) -> None:
    file = tmp_path / "coordinator.toml"
    file.write_text(
        'rpc = "http://chain"\nkey_file = "k"\ncurve_key_file = "c"\ndata = "."\ncall_seconds = 2\n'
    )
    database = f"sqlite:///{tmp_path / 'book.db'}"
    told(database, 6)
    done = CliRunner().invoke(app, ["checkpoint", "--config", str(file)])
    assert done.exit_code == 0, done.output
    with closing(EventLog(database)) as log:
        (made,) = log.checkpoints.all()
    assert json.loads(done.stdout) == {"events": 6, "bytes": made.size}
    replayed = CliRunner().invoke(app, ["replay", "--config", str(file)])
    assert json.loads(replayed.stdout) == {"events": 6, "jobs": {JOB.hex(): "OPEN"}}


def test_before_anything_has_happened_there_is_nothing_to_write(url: str) -> None:
    told(url, 0)
    with pytest.raises(StoreError, match="nothing has happened yet"):
        scribe.write(setting(url))


def test_it_is_the_book_of_all_events(url: str) -> None:
    told(url, 9)
    made = scribe.write(setting(url))
    book = Book(at(url, 0).sizes, setting(url).timing)
    with closing(EventLog(url)) as log:
        checkpoint.restore(book, log.checkpoints.body(made))
    assert book == at(url, 9)
