"""The extension's one thread that talks: to coordinators, for all jobs in turn.

Its methods are called from Blender's main thread and return at once; what comes of them is seen in `state`.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue

from tegula_market.model import Address, TegulaError

from . import requesting
from .connection import connect, tested
from .delivery import Delivery
from .errand import Errand
from .purse import Purse
from .requesting import Request
from .shelf import Record, Shelf
from .state import Connection, JobCard, State, Step

log = logging.getLogger(__name__)

IDLE_SECONDS = 3600.0
BUSY_SECONDS = 0.02
"""Between two rounds of steps. Most steps wait for the coordinator themselves."""
TURN_SECONDS = 0.001
"""For which this thread keeps Python from Blender's interface at a stretch; Python's own way is 5 ms.
`bench/screen.py` measures what ticks of the interface feel of it."""
FAULT = "This is a fault of the extension; Blender's console says more. Please report it."
PAUSED = "It goes on by itself. Resume it to fetch what is done."


class Session:
    """
    Args:
        folder: the extension's own, for this user.
        blender: the program that denoises and looks at scenes; None is the bpy module of this Python.
        keep: bytes of finished frames that are kept. When a new job begins the oldest make room.
    Raises:
        UnusableKey: the account's key cannot be read, or none can be made.
    """

    def __init__(self, folder: Path, blender: Path | None, keep: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._blender, self.keep = blender, keep
        self._purse, self._shelf = Purse(folder), Shelf(folder)
        self._numbers = count(1)
        self._errands: dict[int, Errand] = {}
        self._running: dict[int, Iterator[None]] = {}
        self._connection: Connection | None = None
        self._quoted = State()
        self._shelf.sweep()
        self._shelf.trim(keep)
        for record in reversed(self._shelf.records()):
            self._remember(record)
        self._todo: SimpleQueue[partial[None]] = SimpleQueue()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tegula", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        jobs = tuple(errand.card for errand in reversed(tuple(self._errands.values())))
        return replace(self._quoted, connection=self._connection, jobs=jobs)

    @property
    def address(self) -> Address:
        """Of the artist's account."""
        return self._purse.address

    def frames(self, handle: int) -> tuple[int, ...]:
        """Of a job with a deposit; of another, none."""
        record = self._record(handle)
        return record.order.frames if record else ()

    def kept(self, handle: int) -> list[Path]:
        """A job's stitched frames that are here."""
        record = self._record(handle)
        return sorted(self._shelf.folder(record.job).glob("frame_*.exr")) if record else []

    def scratch(self) -> Path:
        """A new folder for what packing leaves."""
        return self._shelf.scratch()

    def test(self, url: str, token: str) -> None:
        self._todo.put(partial(self._test, url, token))

    def quote(self, url: str, token: str, request: Request) -> None:
        self._todo.put(partial(self._ask_quote, url, token, request))

    def submit(self, url: str, token: str, request: Request) -> int:
        """
        Returns:
            the handle of a new job, which waits for `agree` once it is quoted.
        """
        errand = self._new(JobCard(request.name, Step.PACKING, next(self._numbers)))
        self._todo.put(partial(self._begin, errand, url, token, request))
        return errand.card.handle

    def agree(self, handle: int) -> None:
        self._errands[handle].agree()

    def cancel(self, handle: int) -> None:
        self._errands[handle].cancel()

    def resume(self, handle: int, token: str) -> None:
        """Follows a job of an earlier start, or one that failed after its deposit."""
        self._todo.put(partial(self._resume, self._errands[handle], token))

    def delivery(self, handle: int) -> Delivery:
        return self._errands[handle].delivery

    def close(self) -> None:
        """Ends the thread; jobs go on without it. Waits for the request that is under way."""
        self._ends.set()
        self._todo.put(partial(lambda: None))
        self._thread.join()

    def _run(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(TURN_SECONDS)
        try:
            self._work()
        finally:
            sys.setswitchinterval(before)

    def _work(self) -> None:
        while not self._ends.is_set():
            with suppress(Empty):
                self._todo.get(timeout=BUSY_SECONDS if self._running else IDLE_SECONDS)()
            for handle in tuple(self._running):
                self._step(handle)

    def _step(self, handle: int) -> None:
        try:
            next(self._running[handle])
        except StopIteration:
            del self._running[handle]
        except Exception:  # a fault in one job must not stop the others
            log.exception("job stopped")
            del self._running[handle]
            self._errands[handle].fail(FAULT)

    def _test(self, url: str, token: str) -> None:
        self._connection = tested(url, token, self._purse)

    def _ask_quote(self, url: str, token: str, request: Request) -> None:
        number = self._quoted.quoted + 1
        try:
            at, scene = connect(url, token, self._purse), requesting.prepared(request, self._blender)
            order = requesting.order(request, scene, at)
            _, quote = requesting.quoted(order, request, at, self._blender)
            self._quoted = State(quote=quote, quoted=number)
        except TegulaError as error:
            self._quoted = State(problem=str(error), quoted=number)

    def _begin(self, errand: Errand, url: str, token: str, request: Request) -> None:
        self._make_room()
        self._running[errand.card.handle] = errand.begin(partial(connect, url, token, self._purse), request)

    def _resume(self, errand: Errand, token: str) -> None:
        record = self._record(errand.card.handle)
        if record is not None:
            at = partial(connect, record.url, token, self._purse)
            self._running[errand.card.handle] = errand.resume(at, record)

    def _make_room(self) -> None:
        running = {job for handle in self._running if (job := self._errands[handle].card.job)}
        dropped = self._shelf.trim(self.keep, running)
        for handle, errand in tuple(self._errands.items()):
            if errand.card.job in dropped:
                del self._errands[handle]

    def _record(self, handle: int) -> Record | None:
        job = self._errands[handle].card.job
        return self._shelf.find(job) if job else None

    def _new(self, card: JobCard) -> Errand:
        errand = self._errands[card.handle] = Errand(card, self._shelf, self._blender)
        return errand

    def _remember(self, record: Record) -> None:
        step, sentence = (Step.DONE, "") if record.settled else (Step.WAITING, PAUSED)
        self._new(JobCard(record.name, step, next(self._numbers), record.job, sentence=sentence))
