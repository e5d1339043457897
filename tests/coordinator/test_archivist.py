import asyncio
import time
from contextlib import closing
from dataclasses import replace

import pytest

from coordinator.store.test_checkpoints import check, new_book, setting, story
from coordinator.store.test_log import leading
from coordinator.test_beginning import url, with_checkpoints
from tegula_coordinator import archivist
from tegula_coordinator.archivist import DAY, Archivist, plan
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.store import Checkpoint, EventLog
from tegula_market.model import Digest

__all__ = ["url"]
MARK = Digest(bytes(32))


def daily(count: int) -> list[Checkpoint]:
    """One a day, the newest of today; the number of each is its day."""
    found = [Checkpoint(day, day, day * DAY, day * DAY, "0", MARK, MARK, 1, False) for day in range(count)]
    return found[::-1]


def test_without_a_limit_nothing_is_cut_and_two_checkpoints_stay() -> None:
    base, useless = plan(daily(10), 9 * DAY, 0)
    assert base is None
    assert [each.seq for each in useless] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert plan([], 9 * DAY, 5) == (None, [])


@pytest.mark.parametrize("days", [0, 5, 1000])
def test_what_the_log_was_cut_behind_stays_whatever_is_kept_from_now_on(days: float) -> None:
    """Or nothing would say that the log does not begin at its beginning."""
    known = [replace(each, cut=each.seq == 2) for each in daily(10)]
    base, useless = plan(known, 9 * DAY, days)
    stay = {each.seq for each in known if each not in useless}
    assert 2 in stay or (base is not None and base.seq > 2)


def test_events_of_so_many_days_stay_and_a_checkpoint_before_them() -> None:
    known = daily(100)
    base, useless = plan(known, 99 * DAY, 40)
    assert base is not None
    assert base.seq == 59
    assert [each.seq for each in known if each not in useless] == [99, 98, 89, 79, 69, 59]


def test_a_log_that_is_cut_day_after_day_is_never_much_longer_than_it_should_be() -> None:
    known: list[Checkpoint] = []
    bases = []
    for made in daily(400)[::-1]:
        base, useless = plan([made, *known], made.at, 40)
        known = [each for each in (made, *known) if each not in useless]
        assert len(known) <= 7
        if base is not None:
            bases.append(made.seq - base.seq)
    assert min(bases) == 40
    assert max(bases) < 40 + 40 / archivist.STEPS


def test_a_log_is_not_cut_behind_the_only_checkpoint() -> None:
    base, useless = plan(daily(1), 1000 * DAY, 5)
    assert (base, useless) == (None, [])
    base, useless = plan(daily(2), 1000 * DAY, 5)
    assert base is not None
    assert (base.seq, useless) == (0, [])


def looked(url: str, *times: float, days: float = 0.0, events: int = 0) -> list[int]:
    """At these times; what checkpoints there are then."""

    async def run(log: EventLog) -> None:
        keeper = Bookkeeper(new_book(url), log)
        keeper.replay()
        keeper_of_logs = Archivist(keeper, log, setting(url), days)
        for now in times:
            await keeper_of_logs.look(now)

    with closing(leading(url)) as log:
        if events:
            log.append([story(log.last() + 1 + index) for index in range(events)])
        asyncio.run(run(log))
        return [each.seq for each in log.checkpoints.all()]


@pytest.mark.slow
def test_there_is_a_checkpoint_after_so_many_events_and_after_a_day(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.time()
    assert looked(url, begun, begun + 2 * DAY) == []
    monkeypatch.setattr(archivist, "EVENTS", 5)
    assert looked(url, begun, events=4) == []
    assert looked(url, begun, events=1) == [5]
    assert looked(url, begun, events=3) == [5]
    assert looked(url, begun, begun + 2 * DAY) == [8, 5]


def test_the_log_is_cut_and_what_is_of_no_more_use_dropped(url: str) -> None:
    with_checkpoints(url, 4, 9, 12)
    with closing(leading(url)) as log:
        assert looked_at_oldest(log) == 1
    assert looked(url, story(12).at + 5 * DAY, days=5) == [12, 9]
    with closing(EventLog(url)) as log:
        assert looked_at_oldest(log) == 9
    assert check(url) == 12


def looked_at_oldest(log: EventLog) -> int:
    oldest = log.oldest()
    assert oldest is not None
    return oldest.seq


def test_a_scribe_that_fails_is_not_called_again_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archivist, "EVENTS", 5)
    monkeypatch.setattr(archivist, "PROGRAM", ("false",))
    assert looked(url, 1e10, events=6) == []
    monkeypatch.setattr(archivist, "PROGRAM", ("a-program-that-is-not-there",))
    assert looked(url, 1e10) == []
    called = 0

    async def write(_: Archivist) -> bool:
        nonlocal called
        called += 1
        return False

    monkeypatch.setattr(Archivist, "_write", write)
    looked(url, 1e10, 1e10 + 60, 1e10 + archivist.AGAIN_SECONDS)
    assert called == 2


def test_what_a_kill_has_left_is_swept(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_checkpoints(url, 4)
    with closing(leading(url)) as log:
        (made,) = log.checkpoints.all()
        monkeypatch.setattr(log.checkpoints, "body", _killed)
        with pytest.raises(KeyboardInterrupt):
            log.checkpoints.write(5, 1.0, MARK, b"x" * 100)
        assert len(log.checkpoints.unfinished(1e12)) == 1
    assert looked(url, made.written + 2 * DAY) == [4]
    with closing(EventLog(url)) as log:
        assert log.checkpoints.unfinished(1e12) == []


def _killed(_: Checkpoint) -> bytes:
    raise KeyboardInterrupt
