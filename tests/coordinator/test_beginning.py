from contextlib import closing
from pathlib import Path

import pytest

from coordinator.store.test_checkpoints import new_book, setting, story
from coordinator.store.test_log import leading
from tegula_coordinator import beginning, scribe
from tegula_coordinator.book import Book, checkpoint, step
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.store import Checkpoint, CheckpointTable, EventLog, StoreError
from tegula_market.model import Digest


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'book.db'}"


def with_checkpoints(url: str, *numbers: int) -> list[Checkpoint]:
    """After events of these numbers, of which the last is the log's; the newest first."""
    with closing(leading(url)) as log:
        for number in numbers:
            log.append([story(seq) for seq in range(log.last() + 1, number + 1)])
            assert scribe.write(setting(url)).seq == number
        return log.checkpoints.all()


def at(url: str, seq: int) -> Book:
    book = new_book(url)
    for each in range(1, seq + 1):
        step(book, story(each))
    return book


def begun(url: str) -> tuple[Book, int]:
    book = new_book(url)
    with closing(EventLog(url)) as log:
        return book, beginning.begin(book, log)


def spoil(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """As a program would read them that has no such fields, or a disk has spoilt them."""
    true = CheckpointTable.body

    def spoilt(table: CheckpointTable, of: Checkpoint) -> bytes:
        return true(table, of)[: -1 if of.seq in numbers else None]

    monkeypatch.setattr(CheckpointTable, "body", spoilt)


def test_a_new_log_begins_with_nothing(url: str) -> None:
    assert begun(url) == (new_book(url), 0)


def test_a_start_begins_at_the_newest_checkpoint(url: str) -> None:
    with_checkpoints(url, 4, 9)
    assert begun(url) == (at(url, 9), 9)


def test_one_that_cannot_be_read_is_passed_over(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_checkpoints(url, 4, 9)
    spoil(monkeypatch, 9)
    assert begun(url) == (at(url, 4), 4)
    spoil(monkeypatch, 4, 9)
    assert begun(url) == (new_book(url), 0)


def test_another_programs_checkpoint_is_not_used_while_all_events_are_there(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_checkpoints(url, 4)
    monkeypatch.setattr(checkpoint, "mark", lambda: Digest(b"\x07" * 32))
    assert begun(url) == (new_book(url), 0)


def test_another_programs_checkpoint_is_used_when_they_are_cut(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, *_ = with_checkpoints(url, 4, 9)
    with closing(leading(url)) as log:
        log.cut(newest)
    monkeypatch.setattr(checkpoint, "mark", lambda: Digest(b"\x07" * 32))
    assert begun(url) == (at(url, 9), 9)


def test_a_cut_log_without_a_checkpoint_that_can_be_read_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, *_ = with_checkpoints(url, 4, 9)
    with closing(leading(url)) as log:
        log.cut(newest)
    spoil(monkeypatch, 9)
    with pytest.raises(StoreError, match=r"start with the version that wrote it, or restore a backup: .* 9"):
        begun(url)


def test_whoever_stands_by_and_was_overtaken_by_a_cut_begins_again(url: str) -> None:
    first, *_ = with_checkpoints(url, 4)
    with closing(EventLog(url)) as watched:
        standby = Bookkeeper(new_book(url), watched)
        standby.replay()
        assert (standby.seq, standby.book) == (4, at(url, 4))
        newest, *_ = with_checkpoints(url, 9, 12)
        assert newest.seq == 12 > first.seq
        with closing(leading(url)) as log:
            log.cut(newest)
        standby.replay()
        assert (standby.seq, standby.book) == (12, at(url, 12))
