"""Follows a job from its first ask to its last tile: fetches what is accepted, and signs what it costs."""

import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Protocol

from tegula_market.digests import digest
from tegula_market.model import Digest, TegulaError, Tile, Wei

from ..client import Refused
from ..job_view import JobPhase, JobView, RootView, UnitPhase, UnitView
from . import accounts, interest, planning
from .accounts import Disputed, Overstated
from .deal import Deal
from .standing import Standing, Tell
from .stopwatch import Stopwatch
from .worklog import WorkLog

MOST_BYTES = 8 << 10
"""Of an image, for each of its pixels: 2,048 float channels, or a few and a header in a tiny one."""
TOGETHER = 8
"""Tiles fetched at a time: one by one, each would wait its turn at a busy coordinator, or for a far one."""
POLL_SECONDS = 20.0
"""For which the coordinator may hold a request while nothing happens."""


class NobodyTakes(TegulaError):
    """No worker takes the job as it was ordered; the message says what to change."""


class Gallery(Protocol):
    """Where tiles become frames."""

    def paste(self, tile: Tile, image: Path) -> None: ...

    def finish(self) -> None: ...


class Follower:
    """
    Args:
        kept: a folder where tiles stay once they are fetched, for whoever follows the job again after a kill.
    """

    def __init__(
        self, deal: Deal, gallery: Gallery, watch: Stopwatch, tell: Tell, kept: Path | None = None
    ) -> None:
        self._deal, self._gallery, self._watch, self._tell = deal, gallery, watch, tell
        self._kept = kept
        self._budget = planning.budget(deal.order)
        self._seen: dict[int, Digest] = {}
        self._price = 0
        """Of what was seen."""
        self.behind = False
        """Whether the last look had no time for some accepted tiles. The next one goes on with them, and
        signs what is due for them, before anything newer is looked at."""
        self.helped = 0.0
        """Seconds of the processor that other threads took for the last look."""
        self._seq = 0
        self._view: JobView | None = None
        self._since: float | None = None
        self._checked = b""
        """The root that adds up."""
        self.log = WorkLog()

    def follow(self, over: Callable[[JobView], str | None] = lambda _: None) -> JobView:
        """Returns when nothing more can become accepted and everything accepted is vouchered, or rooted.

        Args:
            over: the reason to give the job up, as far as the caller sees one.
        Raises:
            NobodyTakes: with that reason.
            Disputed: the coordinator wants money that it cannot account for.
        """
        while True:
            view = self.look(over)
            if ended(view):
                return view
            self.wait(POLL_SECONDS)

    def look(
        self, over: Callable[[JobView], str | None] = lambda _: None, seconds: float = math.inf
    ) -> JobView:
        """Sees how the job stands, fetches what is new and signs what is due; raises as `follow`.

        Args:
            seconds: for which tiles are fetched, some of them at least.
        """
        if self._view is None or not self.behind:  # else a market that is faster than we would never be paid
            self._view = self._deal.client.job(self._deal.job, self._view)
        view = self._view
        reason = over(view)
        if reason:
            raise NobodyTakes(reason)
        while self._seq < view.seq:  # a price in the view is explained by an ask that came before it
            self._catch_up(view.seq, wait=0)
        self.behind = not self._fetch(view, time.monotonic() + seconds)
        if not self.behind:
            self._pay(view)
        self._gallery.finish()
        self._tell(self._standing(view))
        return view

    def wait(self, seconds: float) -> None:
        """Until something happens in the job, for as long at most."""
        self._catch_up(self._seq, wait=seconds)

    def _catch_up(self, seq: int, wait: float) -> None:
        events, upto = self._deal.client.events(self._deal.job, self._seq, wait)
        self.log.note(events)
        self._seq = upto if events else max(seq, self._seq)

    def _fetch(self, view: JobView, until: float) -> bool:
        """Whether that was all."""
        self.helped = 0.0
        new = [
            unit for unit in view.units if unit.phase is UnitPhase.ACCEPTED and unit.unit not in self._seen
        ]
        if not new:
            return True
        with _threads(min(TOGETHER, len(new))) as pool:
            for start in range(0, len(new), TOGETHER):
                if start and time.monotonic() >= until:
                    return False
                self._take(new[start : start + TOGETHER], pool, view)
        return True

    def _take(self, units: list[UnitView], pool: ThreadPool, view: JobView) -> None:
        with self._folder() as folder:
            with self._watch.part("transfer"):
                brought = pool.map(partial(self._bring, folder), units, chunksize=1)
            for unit, (image, seconds) in zip(units, brought, strict=True):
                self.helped += seconds
                if image is None or unit.image is None:
                    continue
                with self._watch.part("stitch"):
                    self._gallery.paste(self._deal.tiles[unit.unit], image)
                self._seen[unit.unit] = unit.image
                self._price += unit.price or 0
                self._tell(self._standing(view))

    def _bring(self, folder: Path, unit: UnitView) -> tuple[Path | None, float]:
        """The tile's image, if it has one, and the processor's seconds that it took; in any thread."""
        began = time.thread_time()
        if unit.image is None:
            return None, 0.0
        image = folder / f"{unit.image.hex()}.exr"
        if not _is_there(image, unit.image):
            most = self._deal.tiles[unit.unit].rendered.area * MOST_BYTES
            self._deal.client.blobs.fetch(unit.image, image, most)
        return image, time.thread_time() - began

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        if self._kept is not None:
            yield self._kept
            return
        with tempfile.TemporaryDirectory(prefix="tegula-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def _pay(self, view: JobView) -> None:
        if view.root is not None and view.root.hash != self._checked:
            self._check_root(view, view.root)
        if not accounts.due(view):
            return
        deal = self._deal
        self._check(view)
        for voucher in accounts.vouchers(view):
            try:
                signature = deal.sign_voucher(voucher)
                deal.client.sign_voucher(voucher.job, voucher.worker, voucher.cumulative, signature)
            except Refused as error:
                if error.status != 409:  # 409: the coordinator has this one already; the next view says so
                    raise

    def _check(self, view: JobView) -> None:
        accounts.check(self._deal.order, self._deal.tiles, view, self._seen, self.log.asked)

    def _check_root(self, view: JobView, root: RootView) -> None:
        """Raises: Overstated: it pays for what was not seen here."""
        accounts.check_root(view, root.hash)
        try:
            self._check(view)
        except Disputed as error:
            until = datetime.fromtimestamp(root.final_at, UTC)
            raise Overstated(
                f"{error}. Its root on chain pays for it all the same, unless the arbiter is asked to decide"
                f" before {until:%Y-%m-%d %H:%M} UTC"
            ) from error
        self._checked = root.hash

    def _standing(self, view: JobView) -> Standing:
        if self._since is None and any(unit.phase is not UnitPhase.OPEN for unit in view.units):
            self._since = time.monotonic()
        step = "rendering"
        if view.phase is JobPhase.OPEN and not view.workers:
            step = "waiting for workers"
        elif view.phase is JobPhase.OPEN and not view.verifiers:
            step = "waiting for a verifier"
        least = interest.lowest(view)
        if least is not None:
            step = "waiting for a lower price"
        done, price = len(self._seen), Wei(self._price)
        parts = step, done, len(view.units), price, self._budget, self._since
        return Standing(*parts, least, self._deal.order.ceiling)


def ended(view: JobView) -> bool:
    """Whether nothing more can become accepted, and everything accepted is vouchered."""
    under_way = any(unit.phase in (UnitPhase.LEASED, UnitPhase.DELIVERED) for unit in view.units)
    return view.phase is not JobPhase.OPEN and not under_way and not accounts.due(view)


def _threads(number: int) -> ThreadPool:
    """Daemons, unlike those of an Executor: Blender ends without waiting for what they fetch."""
    try:
        return ThreadPool(number)
    except RuntimeError:  # what later Pythons say when they are ending
        if threading.main_thread().is_alive():
            raise
        sys.exit()  # this thread alone, which ends with Blender


def _is_there(image: Path, wanted: Digest) -> bool:
    """Whole: a machine that lost its power may have kept the name and not the bytes."""
    return image.is_file() and digest(image.read_bytes()) == wanted
