import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sql

from coordinator.playbook import ANN, JOB, NOW, SIGNATURE, joined
from coordinator.store.test_log import SCRIPT, await_lead, leading
from orders import an_order
from tegula_coordinator import events, scribe, tiles
from tegula_coordinator.book import Book, step
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.events import Event
from tegula_coordinator.scribe import Setting
from tegula_coordinator.store import EventLog, StoreError, log
from tegula_coordinator.store import checkpoints as table
from tegula_market.adapters import logs
from tegula_market.model import Digest, Wei

MARK = Digest(b"\x01" * 32)
BODY = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short log has several."""
    monkeypatch.setattr(table, "PART_BYTES", 1000)
    monkeypatch.setattr(log, "CUT_AT_ONCE", 3)


def test_what_was_written_is_read_the_newest_first(url: str) -> None:
    with closing(leading(url)) as events:
        assert events.checkpoints.all() == []
        first = events.checkpoints.write(5, 1.5, MARK, BODY)
        second = events.checkpoints.write(9, 2.5, MARK, b"")
        assert events.checkpoints.all() == [second, first]
        assert (first.seq, first.at, first.size, first.cut) == (5, 1.5, len(BODY), False)
        assert events.checkpoints.body(first) == BODY
        assert events.checkpoints.body(second) == b""


def test_a_log_of_before_there_were_any_has_none(url: str) -> None:
    with closing(EventLog(url)) as nobody:  # it has no tables at all yet
        assert nobody.checkpoints.all() == []
        with pytest.raises(StoreError, match="brings it up to date"):
            nobody.checkpoints.write(1, 1.0, MARK, BODY)


def test_one_that_is_damaged_is_not_used(url: str) -> None:
    with closing(leading(url)) as events:
        made = events.checkpoints.write(5, 1.5, MARK, BODY)
        engine = sql.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(table.parts.update().where(table.parts.c.number == 3).values(body=b"x"))
        engine.dispose()
        with pytest.raises(StoreError, match="the checkpoint after event 5 is damaged"):
            events.checkpoints.body(made)


def test_dropped_ones_are_gone_part_by_part(url: str) -> None:
    with closing(leading(url)) as events:
        first, second = (events.checkpoints.write(seq, 1.0, MARK, BODY) for seq in (5, 6))
        events.checkpoints.drop(first.id)
        assert events.checkpoints.all() == [second]
        assert events.checkpoints.unfinished(before=1e12) == []
        with pytest.raises(StoreError):
            events.checkpoints.body(first)


def test_one_is_written_and_dropped_while_events_are_appended(url: str) -> None:
    with closing(leading(url)) as events, closing(EventLog(url)) as other:
        ends, begun = threading.Event(), threading.Event()

        def append() -> None:
            while not ends.wait(0.01):  # without a gap SQLite lets nobody else write
                events.append(SCRIPT[:2])
                begun.set()

        with ThreadPoolExecutor() as threads:
            appending = threads.submit(append)
            try:
                assert begun.wait(60)
                for number in range(5):
                    other.checkpoints.drop(other.checkpoints.write(number, 1.0, MARK, BODY[:2000]).id)
            finally:
                ends.set()
            appending.result()
        assert other.checkpoints.all() == []
        assert [r.seq for r in other.replay()] == list(range(1, other.last() + 1))


def test_one_that_is_swept_while_it_is_written_does_not_count(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(leading(url)) as events:
        body = events.checkpoints.body
        monkeypatch.setattr(events.checkpoints, "body", lambda of: (body(of), events.checkpoints.drop(of.id)))
        with pytest.raises(StoreError, match="try again"):
            events.checkpoints.write(5, 1.0, MARK, BODY)
        assert events.checkpoints.all() == []


def test_events_before_a_checkpoint_are_cut_and_numbers_go_on(url: str) -> None:
    with closing(leading(url)) as events:
        events.append(SCRIPT[:9])
        assert events.begins() == 1
        assert events.cut(events.checkpoints.write(8, 1.0, MARK, BODY)) == 7
        assert (events.begins(), [r.seq for r in events.replay(8)]) == (8, [9])
        assert [r.event for r in events.replay(7)] == SCRIPT[7:9]
        with pytest.raises(StoreError, match="was cut beyond event 7"):
            list(events.replay(6))
        oldest = events.oldest()
        assert oldest is not None
        assert (oldest.seq, oldest.at) == (8, SCRIPT[7].at)
        assert [r.seq for r in events.of_job(JOB, after=0)] == [8, 9]
    with closing(leading(url)) as again:
        assert again.append(SCRIPT[9:11]) == [10, 11]


def test_a_log_whose_last_event_is_the_checkpoints_goes_on_behind_it(url: str) -> None:
    with closing(leading(url)) as events:
        events.append(SCRIPT[:3])
        assert events.cut(events.checkpoints.write(3, 1.0, MARK, BODY)) == 2
    with closing(leading(url)) as again:
        assert list(again.replay(3)) == []
        assert again.append(SCRIPT[3:5]) == [4, 5]


def test_nothing_is_cut_behind_a_checkpoint_that_is_gone_or_without_the_lead(url: str) -> None:
    with closing(leading(url)) as events, closing(EventLog(url)) as other:
        events.append(SCRIPT[:5])
        made = events.checkpoints.write(4, 1.0, MARK, BODY)
        with pytest.raises(StoreError, match="does not lead"):
            other.cut(made)
        events.checkpoints.drop(made.id)
        assert events.cut(made) == 0
        assert len(list(events.replay())) == 5


def story(seq: int) -> Event:
    """The event with that number, each of which a book admits: a job, and a worker that comes and goes."""
    if seq == 1:
        return events.JobOpened(NOW, JOB, an_order(), Digest(bytes(32)), SIGNATURE, Wei(10**9))
    return events.WorkerLeft(NOW + seq, ANN, "silent") if seq % 2 else joined(ANN, at=NOW + seq)


def setting(url: str) -> Setting:
    return Setting(url, call_seconds=2, lease_seconds=100)


def new_book(url: str) -> Book:
    return Book(tiles.sizes, setting(url).timing)


def live(url: str) -> None:
    """A life of a coordinator, in which all is written that can be."""
    with closing(EventLog(url)) as log:
        await_lead(log)  # the one before was killed
        keeper = Bookkeeper(new_book(url), log)
        keeper.replay()
        log.append([story(keeper.seq + 1 + index) for index in range(5)])
        for old in log.checkpoints.unfinished(before=1e12):
            log.checkpoints.drop(old)
        scribe.write(setting(url))
        newest, *older = log.checkpoints.all()
        log.cut(newest)
        for each in older:
            log.checkpoints.drop(each.id)


def lives(url: str) -> None:
    """Each killed at one commit later than the one before, until one reaches its end; each starts rightly."""
    logs.configure(-1)  # stdout is for the numbers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", 1000)
        patch.setattr(log, "CUT_AT_ONCE", 3)
        for fatal in range(1, 1000):
            child = os.fork()
            if child == 0:
                sql.event.listen(sql.Engine, "commit", killing(fatal))
                live(url)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            print(check(url), flush=True)
            if status == 0:
                return
            assert os.WTERMSIG(status) == signal.SIGKILL, status


def killing(fatal: int) -> Callable[[sql.Connection], None]:
    """Just before the commit of that number."""
    commits = iter(range(1, 1000))

    def look(_: sql.Connection) -> None:
        if next(commits) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    return look


def check(url: str) -> int:
    """Number of the last event, after a start that finds the book which all events give."""
    with closing(EventLog(url)) as log:
        keeper = Bookkeeper(new_book(url), log)
        keeper.replay()
        assert keeper.seq == log.last()
    told = new_book(url)
    for seq in range(1, keeper.seq + 1):
        step(told, story(seq))
    assert keeper.book == told
    return keeper.seq


@pytest.mark.slow
def test_a_kill_at_any_commit_leaves_a_log_that_starts(url: str) -> None:
    program = "import sys; from coordinator.store.test_checkpoints import lives; lives(sys.argv[1])"
    with closing(leading(url)) as log:
        log.append([story(seq) for seq in range(1, 6)])
    command = [sys.executable, "-c", program, url]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = [int(line) for line in done.stdout.split()]
    assert len(seen) > 10  # before the append, at each part, each mark, each cut and each drop
    assert seen == sorted(seen)
    with closing(EventLog(url)) as log:
        oldest = log.oldest()
        assert oldest is not None
        assert oldest.seq == log.begins() == seen[-1]
        assert [each.seq for each in log.checkpoints.all()] == [seen[-1]]
        assert log.checkpoints.unfinished(before=1e12) == []
