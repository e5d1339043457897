"""How long a job takes, from its order to its last accepted tile. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from tegula_market.model import MEGASAMPLE, Order

from ..market_view import MarketView, Present
from . import planning
from .pricing import Prices
from .speeds import Pilot, Range, Speeds
from .words import duration


@dataclass(frozen=True, slots=True)
class Pace:
    seconds: Range
    reasons: tuple[str, ...]


def expected(order: Order, market: MarketView, who: Prices, pilot: Pilot | None, left: float) -> Pace:
    """
    Args:
        left: seconds until the job's deadline, where it ends in any case.
    """
    speeds = Speeds(market.speeds, pilot, adaptive=order.scene.adaptive is not None)
    best = [fast for _, fast in _of(who.perhaps, speeds)]
    # While nobody has asked, the slowest one may be all that ever does.
    worst = [slow for slow, _ in _of(who.sure, speeds)] or sorted(s for s, _ in _of(who.perhaps, speeds))[:1]
    if not best or not market.verifiers:
        return Pace((min(market.call_seconds, left), left), tuple(_unknown(who, market, best)))
    job, verifiers = _Job.of(order, market, pilot), len(market.verifiers)
    seconds = job.best(best, verifiers), job.worst(worst, verifiers)
    reasons = (*speeds.reasons(worker.device for worker in who.perhaps), *_late(seconds[1], left))
    return Pace(seconds, reasons)


@dataclass(frozen=True, slots=True)
class _Job:
    """Tiles in megasamples, and what takes time besides rendering them."""

    tiles: int
    mean: float
    largest: float
    call: float
    load: float
    way: float
    """For each tile: of files and of the image, and until its first sample."""
    probe: float | None
    """For each tile; None where none was probed of late."""

    @classmethod
    def of(cls, order: Order, market: MarketView, pilot: Pilot | None) -> "_Job":
        sizes = [size / MEGASAMPLE for size in planning.frame_sizes(order)]
        loads = [speed.load_seconds for speed in market.speeds]
        results = sum(speed.results for speed in market.speeds)
        return cls(
            len(sizes) * len(order.frames),
            fmean(sizes),
            max(sizes),
            market.call_seconds,
            max(loads + ([pilot.load_seconds] if pilot else []), default=0.0),
            sum(speed.way_seconds * speed.results for speed in market.speeds) / max(results, 1)
            + (pilot.start_seconds if pilot else 0.0),
            sum(speed.probe_seconds * speed.results for speed in market.speeds) / results
            if results
            else None,
        )

    def best(self, speeds: Sequence[float], verifiers: int) -> float:
        """Workers have the scene, all are busy until the end, and probes are made beside them."""
        probe = self.probe or 0.0
        last = self.largest / max(speeds) + self.way
        return self.call + max(max(self._rendering(speeds), last) + probe, self._probes(verifiers) * probe)

    def worst(self, speeds: Sequence[float], verifiers: int) -> float:
        """The slowest begins a tile when the others are done, and all wait while a probe is made."""
        last = self.largest / min(speeds) + self.way
        probe = last if self.probe is None else self.probe
        return self.call + self.load + self._rendering(speeds) + last + self._probes(verifiers) * probe

    def _probes(self, verifiers: int) -> int:
        """One after the other, of the verifier that has most."""
        return -(-self.tiles // verifiers)

    def _rendering(self, speeds: Sequence[float]) -> float:
        return self.tiles / sum(1 / (self.mean / speed + self.way) for speed in speeds)


def _of(workers: Sequence[Present], speeds: Speeds) -> list[Range]:
    return [found for worker in workers if (found := speeds.of(worker.device)) is not None]


def _unknown(who: Prices, market: MarketView, best: Sequence[float]) -> Iterator[str]:
    if who.perhaps and not best:
        yield "Nobody has shown yet how fast these workers are; a pilot render here would tell more."
    if not market.verifiers:
        yield "No verifier is online, and no tile is accepted before one is."
    yield "How long it takes is not known; it ends at the deadline at the latest."


def _late(longest: float, left: float) -> Iterator[str]:
    if longest > left:
        yield (
            f"That may be longer than the {duration(left)} until the deadline, where the job ends with what"
            " is done; a later deadline is safer."
        )
