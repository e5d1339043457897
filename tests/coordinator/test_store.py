from pathlib import Path

import pytest
import sqlalchemy as sql

from coordinator.playbook import (
    ANN,
    JOB,
    asked,
    called,
    delivered,
    joined,
    judged,
    lease,
    opened,
    suspected,
    vouchered,
)
from tegula_coordinator import events
from tegula_coordinator.events import KINDS, Event
from tegula_coordinator.store import EventLog, StoreError
from tegula_market.model import JobId, Outcome, Wei

SCRIPT: list[Event] = [
    events.Restarted(1.0),
    joined(ANN),
    opened(),
    asked(ANN, 40),
    events.AskDeclined(1.0, ANN, JOB, "busy"),
    called(),
    delivered(ANN, 0),
    suspected(0),
    events.ProbeExpired(1.0, lease(0), 1),
    judged(0, Outcome.ACCEPTED),
    vouchered(ANN, 80),
    events.LeaseExpired(1.0, "aa" * 32 + "/0/1"),  # type: ignore[arg-type]
    events.LeaseReturned(1.0, ANN, "aa" * 32 + "/0/1", "crash", "x"),  # type: ignore[arg-type]
    events.JobCancelled(1.0, JOB, "enough"),
    events.RootDecided(1.0, JOB, "silence"),
    events.RootPosted(1.0, JOB, bytes(32), Wei(80), 1_000),
    events.RootVoided(1.0, JOB),
    events.DepositLost(1.0, JOB),
    events.DepositFound(1.0, JOB),
    events.DepositRefunded(1.0, JOB),
    events.JobClosed(1.0, JOB, Wei(80), bytes(65)),  # type: ignore[arg-type]
    events.WorkerLeft(2.0, ANN, "silent"),
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'book.db'}"


def test_every_kind_of_event_is_in_the_script() -> None:
    assert {type(event) for event in SCRIPT} == set(KINDS.values())


def test_what_is_appended_is_replayed_after_reopening(url: str) -> None:
    log = EventLog(url)
    assert log.append(SCRIPT[:5]) == [1, 2, 3, 4, 5]
    assert log.append(SCRIPT[5:]) == list(range(6, 23))
    log.close()
    again = EventLog(url)
    assert [(r.seq, r.event) for r in again.replay()] == list(enumerate(SCRIPT, 1))
    assert [r.seq for r in again.replay(after=21)] == [22]
    again.close()


def test_a_batch_is_appended_whole_or_not_at_all(url: str) -> None:
    log = EventLog(url)
    broken = events.AskDeclined(1.0, ANN, JOB, None)  # type: ignore[arg-type]
    object.__setattr__(broken, "reason", object())
    with pytest.raises(TypeError):
        log.append([SCRIPT[0], broken])
    assert list(log.replay()) == []
    log.close()


def test_a_job_sees_its_own_events_only(url: str) -> None:
    log = EventLog(url)
    log.append(SCRIPT)
    mine = log.of_job(JOB, after=3)
    assert [r.seq for r in mine] == [4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21]
    assert log.of_job(JobId(b"\x77" * 32), after=0) == []
    log.close()


def test_a_crash_keeps_what_was_acknowledged(url: str) -> None:
    log = EventLog(url)
    log.append(SCRIPT[:3])
    mode = sql.create_engine(url)
    with mode.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    mode.dispose()
    other = EventLog(url)  # another process's view while the first still runs
    assert len(list(other.replay())) == 3
    other.close()
    log.close()


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the database"):
        EventLog(f"sqlite:///{tmp_path}/no/such/folder/book.db")


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreError) as caught:
        EventLog("postgresql+nosuchdriver://operator:hunter2@localhost/book")
    assert "hunter2" not in str(caught.value)
