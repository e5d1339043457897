"""Looks at clock and machine again and again, and says whether the worker takes new work."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog

from tegula_worker import pauses
from tegula_worker.config import Config
from tegula_worker.objections import Objection
from tegula_worker.pauses import Machine

log = structlog.get_logger(__name__)


class Meter(Protocol):
    def read(self) -> Machine: ...


class Watch:
    """
    Args:
        local_time: of this machine, in its time zone.
    """

    def __init__(
        self, config: Config, meter: Meter, local_time: Callable[[], datetime] = datetime.now
    ) -> None:
        self._config = config
        self._meter = meter
        self.local_time = local_time
        self.why: Objection | None = None
        """No new work is taken, and why; None while it is."""
        self.machine = Machine()
        """As it was last seen."""

    def look(self) -> Objection | None:
        """As `why`, seen anew. Blocks for a moment."""
        config = self._config
        self.machine = self._meter.read()
        paused, now = self.why is not None, self.local_time()
        self.why = pauses.why(config.hours, config.owner, config.limits, self.machine, now, paused=paused)
        return self.why

    def warn(self) -> None:
        """Of settings that do nothing here."""
        for name in pauses.unknown(self._config.owner, self._config.limits, self.machine):
            log.warning("cannot be measured here, so it pauses nothing", setting=name)
