"""Shows a running worker to others: `status.json` for `tegula-worker status`, numbers for Prometheus."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import structlog

from tegula_market.model import LeaseId
from tegula_worker import idleness, snapshot, statement
from tegula_worker.books import Books
from tegula_worker.commands import Command, Reprobe, Work
from tegula_worker.metrics import Metrics
from tegula_worker.pauses import Machine
from tegula_worker.replies import Device, FoundDevice
from tegula_worker.session import Session
from tegula_worker.snapshot import DeviceState, Snapshot, Standing, Working
from tegula_worker.store import Store, StoreError
from tegula_worker.watch import Watch

MONEY_SECONDS = 30
"""Between two sums of the books for Prometheus: each reads all of them."""

log = structlog.get_logger(__name__)


def device_states(
    standing: Callable[[], Iterable[tuple[FoundDevice, str]]], machine: Machine
) -> tuple[DeviceState, ...]:
    """
    Args:
        standing: each device, and why it is set aside, if it is.
    """
    return tuple(DeviceState(found.words, _celsius(found, machine), aside) for found, aside in standing())


def _celsius(found: FoundDevice, machine: Machine) -> int | None:
    return machine.cpu_celsius if found.kind is Device.CPU else machine.gpu_celsius


class Display:
    """
    Args:
        folder: the data folder.
        devices: as they are now, given what was measured of the machine.
        scraped: whether anybody looks at the metrics.
        clock: Unix seconds.
    """

    def __init__(
        self,
        folder: Path,
        coordinator: str,
        devices: Callable[[Machine], tuple[DeviceState, ...]],
        watch: Watch,
        books: Books,
        store: Store,
        metrics: Metrics,
        *,
        scraped: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._coordinator = coordinator
        self._devices = devices
        self._watch = watch
        self._books = books
        self._store = store
        self._metrics = metrics
        self._scraped = scraped
        self._clock = clock
        self._since = int(clock())
        self._summed = 0.0
        self._begun: dict[LeaseId, int] = {}

    def note(self, command: Command) -> None:
        """What the session wants done next."""
        self._metrics.note(command)
        match command:
            case Work(lease):
                self._begun[lease.id] = int(self._clock())
            case Reprobe(probe):
                self._begun[probe.lease] = int(self._clock())
            case _:
                pass

    def show(self, session: Session) -> None:
        """Blocks for a moment. What cannot be written is not shown."""
        moment = self._moment(session)
        self._metrics.show(moment)
        try:
            self._account()
            snapshot.write(self._folder, moment)
        except (OSError, StoreError) as error:
            log.debug("status not shown", reason=str(error))

    def _account(self) -> None:
        if self._scraped and self._clock() >= self._summed + MONEY_SECONDS:
            self._summed = self._clock()
            sums = self._books.sums
            self._metrics.account(statement.draw_up(self._store.jobs(), self._store.tallies(), sums))

    def _moment(self, session: Session) -> Snapshot:
        now, watch = int(self._clock()), self._watch
        refusals = self._books.sums.refusals
        return Snapshot(
            os.getpid(),
            self._since,
            now,
            self._coordinator,
            session.joined,
            session.hello.blender,
            session.hello.verifier,
            self._devices(watch.machine),
            tuple(self._working(session, now)),
            tuple(session.results),
            tuple(Standing(job, ask.price) for job, ask in session.asks.items()),
            idleness.why(session, watch.why, refusals, since=self._since, now=now),
        )

    def _working(self, session: Session, now: int) -> Iterator[Working]:
        self._begun = {lease: at for lease, at in self._begun.items() if lease in session.working}
        for lease in sorted(session.working):
            yield Working(lease, self._begun.get(lease, now))
