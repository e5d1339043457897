"""Keeps the metrics true: looks at the book, the disk and the parts, each as often as it costs little."""

import asyncio
import shutil
import time
from pathlib import Path

import structlog

from tegula_coordinator.blobs import Blobs
from tegula_coordinator.book import Book
from tegula_coordinator.metrics import Metrics
from tegula_coordinator.readiness import Readiness

TICK_SECONDS = 1.0
BOOK_TICKS, PARTS_TICKS, DISK_TICKS = 5, 15, 600
"""Of a folder with many blobs each has to be looked at, so rarely."""

log = structlog.get_logger(__name__)


class Observer:
    def __init__(
        self, metrics: Metrics, book: Book, blobs: Blobs, readiness: Readiness, folder: Path
    ) -> None:
        self._metrics, self._book, self._blobs = metrics, book, blobs
        self._readiness, self._folder = readiness, folder
        self._tick = 0

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.look(time.time())
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._metrics.late(max(0.0, loop.time() - due))

    async def look(self, now: float) -> None:
        """At what is due with this tick.

        Args:
            now: Unix seconds.
        """
        if self._tick % BOOK_TICKS == 0:
            self._metrics.show(self._book, now)
        if self._tick % PARTS_TICKS == 0:
            self._metrics.ready((check.part, check.ok) for check in await self._readiness.look())
        if self._tick % DISK_TICKS == 0:
            await asyncio.to_thread(self._measure)
        self._tick += 1

    def _measure(self) -> None:
        """Blocks. What cannot be measured, a share that is away say, is left as it was."""
        try:
            self._metrics.disk(self._blob_bytes(), shutil.disk_usage(self._folder).free)
        except OSError as error:
            log.warning("disk not measured", reason=str(error))

    def _blob_bytes(self) -> int | None:
        try:
            return self._blobs.size()
        except OSError as error:  # BlobsAway is one
            log.warning("blobs not measured", reason=str(error))
            return None
