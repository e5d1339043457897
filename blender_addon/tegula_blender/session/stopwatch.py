"""Where the time goes: every second of a run belongs to exactly one part."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._parts: list[str] = []
        self._since = self._started = clock()
        self.seconds: dict[str, float] = {}

    @property
    def total(self) -> float:
        return self._clock() - self._started

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts for `name` what happens inside; a part around it stands still in the meantime."""
        self._book()
        self._parts.append(name)
        try:
            yield
        finally:
            self._book()
            self._parts.pop()

    def _book(self) -> None:
        now = self._clock()
        if self._parts:
            part = self._parts[-1]
            self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now
