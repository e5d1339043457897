"""When requesters were last heard from: any request about a job is a word of its requester.

It is not stored. After a restart the silence begins anew, so a root comes later, never too early.
"""

import time
from collections.abc import Callable

from tegula_market.model import JobId


class Presence:
    """
    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._since = clock()
        self._heard: dict[JobId, float] = {}

    def hear(self, job: JobId) -> None:
        self._heard[job] = self._clock()

    def heard(self, job: JobId) -> float:
        return self._heard.get(job, self._since)

    def forget(self, job: JobId) -> None:
        self._heard.pop(job, None)
