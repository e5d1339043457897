"""Whatever can fail in a market, from a seed: its programs, and what they stand on. Several at once."""

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from buckets import S3
from databases import PostgreSQL
from end_to_end.stage import Stage, kill
from tegula.programs import Program

Act: TypeAlias = Callable[[], None]

SENTENCE = re.compile("tegula-(worker|coordinator): ")
"""How a program begins its last line that could not go on, and says why."""


@dataclass(slots=True)
class Part:
    """A program that is started again whenever it has ended, as systemd would do it.

    Args:
        start: does not wait until it is ready.
    """

    name: str
    start: Callable[[], Program]
    program: Program
    missing: bool = False
    """It was killed, and its time to come back has not come."""
    came_back: int = 0
    """How often it ended by itself, since something that it needs was away."""

    def kill(self) -> None:
        kill(self.program)
        self.missing = True

    def revive(self) -> None:
        self.missing = False
        self.program = self.start()

    def send(self, number: signal.Signals) -> None:
        self.program.process.send_signal(number)

    def look(self) -> None:
        """It may end only with a sentence; a traceback is a fault of the program."""
        if self.missing or self.program.process.poll() is None:
            return
        said = self.program.wait_for(lambda line: SENTENCE.match(line) is not None, 10.0)
        assert self.program.process.returncode == 2, said
        self.came_back += 1
        self.revive()

    def end(self) -> None:
        self.send(signal.SIGTERM)
        assert self.program.process.wait(60) == 0, self.program._last_words()


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    target: str
    """What is hit; nothing is hit by two faults at once."""
    strike: Act
    mend: Act
    seconds: tuple[float, float]
    """For which it lasts, at least and at most."""


class Fate:
    """
    Args:
        pauses: seconds between two blows, at least and at most.
    """

    def __init__(self, faults: list[Fault], seed: int, pauses: tuple[float, float]) -> None:
        self._faults, self._random, self._pauses = faults, random.Random(seed), pauses
        self._kinds: list[str] = []
        self._under_way: dict[str, tuple[float, Fault]] = {}
        self._next = time.monotonic()
        self.struck: Counter[str] = Counter()

    def go_on(self, now: float) -> None:
        """Mends what has lasted long enough, and strikes if it is time to."""
        for until, fault in list(self._under_way.values()):
            if until <= now:
                self._mend(fault)
        if now >= self._next:
            self._strike(now)
            self._next = now + self._random.uniform(*self._pauses)

    def calm(self) -> None:
        for _, fault in list(self._under_way.values()):
            self._mend(fault)

    def holds(self, target: str) -> bool:
        return target in self._under_way

    def _strike(self, now: float) -> None:
        """Each kind has its turn before any has another."""
        if not self._kinds:
            self._kinds = sorted({fault.kind for fault in self._faults})
            self._random.shuffle(self._kinds)
        fits = [f for f in self._faults if f.kind == self._kinds[-1] and f.target not in self._under_way]
        if not fits:
            return
        fault = self._random.choice(fits)
        self._kinds.pop()
        fault.strike()
        self.struck[fault.kind] += 1
        self._under_way[fault.target] = now + self._random.uniform(*fault.seconds), fault

    def _mend(self, fault: Fault) -> None:
        fault.mend()
        del self._under_way[fault.target]


def of_parts(parts: list[Part], kind: str) -> Iterator[Fault]:
    """Each of these parts can be killed, or stand still as a laptop that is closed."""
    for part in parts:
        yield Fault(f"{kind} killed", part.name, part.kill, part.revive, (0.0, 5.0))
        stop, go_on = partial(part.send, signal.SIGSTOP), partial(part.send, signal.SIGCONT)
        yield Fault(f"{kind} frozen", part.name, stop, go_on, (2.0, 8.0))


def of_ground(it: Stage, database: PostgreSQL, store: S3, longest: float) -> Iterator[Fault]:
    """All that programs stand on goes away for a while.

    Args:
        longest: seconds that the database and the store of blobs are away, at most.
    """
    yield Fault("database crashed", "database", database.crash, database.start, (1.0, longest))
    yield Fault("blobs away", "blobs", store.kill, store.start, (1.0, longest))
    stop, go_on = (partial(os.kill, it.chain.pid, number) for number in (signal.SIGSTOP, signal.SIGCONT))
    yield Fault("chain frozen", "chain", stop, go_on, (2.0, 12.0))

    def cut() -> None:
        for wire in it.wires:
            wire.cut()

    yield Fault("connections cut", "connections", cut, lambda: None, (0.0, 1.0))
