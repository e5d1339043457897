"""Keeps a start short, and the event log: has checkpoints written, and cuts the log behind an old one.

Events younger than `keep_log_days` stay, and with them a checkpoint from which they can be replayed. Between
that and the newest one a few are kept: one of them is the next to cut behind.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence

import structlog

from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.scribe import Setting
from tegula_coordinator.store import Checkpoint, EventLog, StoreError
from tegula_market import codec
from tegula_market.adapters.children import dies_with_parent

PROGRAM = sys.executable, "-m", "tegula_coordinator.scribe"
DAY = 86_400.0
LOOK_SECONDS = 60.0
EVENTS = 200_000
"""After so many there is another checkpoint: a start replays them in about a minute (bench/restart.py)."""
AGAIN_SECONDS = 3600.0
"""After one that failed."""
NEWEST = 2
"""That are kept whatever their age."""
STEPS = 4
"""Between cuts, in parts of the time for which events are kept."""

log = structlog.get_logger(__name__)


def plan(known: Sequence[Checkpoint], now: float, days: float) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """
    Args:
        known: the newest first.
        days: for which events are kept; 0 for ever.
    Returns:
        The one to cut behind, if there is one, never the newest: with two, one may turn out to be damaged.
        And those that are of no more use then. Never the last one that was cut behind, whatever `days` is
        now: that the log was cut is known by it.
    """
    base = next((each for each in known[1:] if days and each.at <= now - days * DAY), None)
    cut = next((each for each in known if each.cut), None)
    stay = list(known[:NEWEST])
    if cut is not None and cut not in stay and (base is None or base.seq < cut.seq):
        stay.append(cut)
    if base is not None and base not in stay:
        stay.append(base)
    last = None if base is None else base.at
    for each in reversed(known):
        spare = last is None or each.at >= last + days * DAY / STEPS
        if days and spare and (base is None or each.seq > base.seq):
            last = each.at
            if each not in stay:
                stay.append(each)
    return base, [each for each in known if each not in stay]


class Archivist:
    def __init__(self, keeper: Bookkeeper, events: EventLog, setting: Setting, days: float) -> None:
        """
        Args:
            days: for which events are kept; 0 for ever.
        """
        self._keeper, self._events, self._setting, self._days = keeper, events, setting, days
        self._began = time.time()
        self._not_before = 0.0

    async def watch(self) -> None:
        """Until cancelled. What fails is tried again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look(time.time())
            except StoreError as error:  # one that costs the lead ends the program by itself
                log.warning("log not kept short", reason=str(error))

    async def look(self, now: float) -> None:
        """
        Raises:
            StoreError: the database fails.
        """
        known = await asyncio.to_thread(self._events.checkpoints.all)
        behind = self._keeper.seq - (known[0].seq if known else 0)
        due = (known[0].written if known else self._began) + DAY  # however little has happened
        if (behind >= EVENTS or (behind and now >= due)) and now >= self._not_before:
            self._not_before = 0.0 if await self._write() else now + AGAIN_SECONDS
        await asyncio.to_thread(self._tidy, now)

    async def _write(self) -> bool:
        """By a program beside this one, which may take as long as it likes."""
        try:
            scribe = await asyncio.create_subprocess_exec(*PROGRAM, stdin=PIPE, preexec_fn=dies_with_parent)
        except OSError as error:  # too many processes or files, too little memory
            log.error("no checkpoint written", reason=str(error))  # noqa: TRY400 a sentence says it all
            return False
        try:
            await scribe.communicate(codec.dumps(self._setting) + b"\n")
        finally:
            if scribe.returncode is None:
                scribe.kill()
                await scribe.wait()
        return scribe.returncode == 0

    def _tidy(self, now: float) -> None:
        """Blocks."""
        table = self._events.checkpoints
        base, useless = plan(table.all(), now, self._days)
        if base is not None and (oldest := self._events.oldest()) is not None and oldest.seq < base.seq:
            log.info("log cut", events=self._events.cut(base), before=base.seq)
        for number in (*(each.id for each in useless), *table.unfinished(now - DAY)):
            table.drop(number)
