import subprocess
import sys
from pathlib import Path

import pytest

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
from tegula_market.model import ETHER, JobId, Outcome, Wei

SCRIPT: list[Event] = [
    events.Restarted(1.0),
    joined(ANN),
    opened(),
    asked(ANN, 40),
    events.AskDeclined(1.0, ANN, JOB, "busy"),
    called(),
    events.JobLags(1.0, JOB),
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
    events.WorkerBanned(3.0, ANN, "noise"),
    events.WorkerUnbanned(4.0, ANN),
    events.Draining(5.0),
    events.AskPosted(6.0, ANN, ETHER, Wei(40), 1),
    events.JobForgotten(7.0, JOB),
]


def await_lead(log: EventLog) -> None:
    """PostgreSQL frees the lock of a session a moment after it was closed or cut."""
    while not log.lead():
        pass


def leading(url: str) -> EventLog:
    log = EventLog(url)
    await_lead(log)
    return log


def test_every_kind_of_event_is_in_the_script() -> None:
    assert {type(event) for event in SCRIPT} == set(KINDS.values())


def test_what_is_appended_is_replayed_after_reopening(url: str) -> None:
    log = leading(url)
    assert log.append(SCRIPT[:5]) == [1, 2, 3, 4, 5]
    assert log.append(SCRIPT[5:]) == list(range(6, len(SCRIPT) + 1))
    log.close()
    again = EventLog(url)
    assert [(r.seq, r.event) for r in again.replay()] == list(enumerate(SCRIPT, 1))
    assert [r.seq for r in again.replay(after=len(SCRIPT) - 1)] == [len(SCRIPT)]
    again.close()


def test_a_batch_is_appended_whole_or_not_at_all(url: str) -> None:
    log = leading(url)
    broken = events.AskDeclined(1.0, ANN, JOB, None)  # type: ignore[arg-type]
    object.__setattr__(broken, "reason", object())
    with pytest.raises(TypeError):
        log.append([SCRIPT[0], broken])
    assert list(log.replay()) == []
    log.close()


def test_a_job_sees_its_own_events_only(url: str) -> None:
    log = leading(url)
    log.append(SCRIPT)
    mine = log.of_job(JOB, after=3)
    assert [r.seq for r in mine] == [4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 28]
    assert log.of_job(JobId(b"\x77" * 32), after=0) == []
    log.close()


def test_another_program_reads_what_was_acknowledged_and_appends_nothing(url: str) -> None:
    log, other = leading(url), EventLog(url)
    log.append(SCRIPT[:3])
    assert len(list(other.replay())) == 3
    with pytest.raises(StoreError, match="does not lead"):
        other.append(SCRIPT[3:])
    assert len(list(log.replay())) == 3
    other.close()
    log.close()


KILLED = """
import sys
from coordinator.store.test_log import SCRIPT, leading
log = leading(sys.argv[1])
while True:
    print(log.append(SCRIPT)[-1], flush=True)
"""


def test_a_kill_keeps_what_was_acknowledged_and_halves_no_batch(url: str) -> None:
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-c", KILLED, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tests) as doomed:
        assert doomed.stdout is not None
        for _ in range(20):
            last = int(doomed.stdout.readline())
        doomed.kill()
        last = int((doomed.stdout.read().splitlines() or [str(last)])[-1] or last)
    log = EventLog(url)
    found = list(log.replay())
    assert found[-1].seq >= last >= 20 * len(SCRIPT)
    assert len(found) % len(SCRIPT) == 0
    assert [r.event for r in found[: len(SCRIPT)]] == SCRIPT
    log.close()
