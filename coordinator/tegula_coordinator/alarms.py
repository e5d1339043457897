"""Events that are to come at their own time, most of which will not matter any more.

A lease that was delivered leaves an alarm behind that is due in an hour. At a thousand tiles a second those
would be millions; so whenever their number has doubled, those that no longer matter are let go.
"""

import heapq
from collections.abc import Callable
from itertools import count

from tegula_coordinator.events import Event

FEW = 1024
"""That are not looked through."""


class Alarms:
    """
    Args:
        matters: whether anything would follow from the event.
    """

    def __init__(self, matters: Callable[[Event], bool]) -> None:
        self._matters = matters
        self._heap: list[tuple[float, int, Event]] = []
        self._numbers = count()
        self._many = FEW

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, event: Event) -> None:
        heapq.heappush(self._heap, (event.at, next(self._numbers), event))
        if len(self._heap) > self._many:
            self._heap = [alarm for alarm in self._heap if self._matters(alarm[2])]
            heapq.heapify(self._heap)
            self._many = max(FEW, 2 * len(self._heap))

    def next(self) -> float | None:
        """When the first one is due, in Unix seconds."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Event]:
        """Those that are due, which are let go with this; the earliest first."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found
