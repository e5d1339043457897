"""How fast a device renders a scene, from what devices did of late and what a pilot took here. Pure.

A device's speed on this scene is this computer's, by the pilot, times how much faster than a device like this
computer's it was on other scenes. Where a part of that is not known the range is wider, by factors that are
guesses and are called so below.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean, stdev

from ..market_view import Speed
from .words import count

UNSURE = 3.0
"""Guess: how many times an unknown scene is harder or easier, or an unknown device slower or faster."""
MARGIN = 2.0
"""Guess: how far two machines are apart whose device has one name: cores, other work on them, heat."""
CLEAN_EARLY = 4.0
"""Guess: how many times as fast a scene with a noise threshold may be as a pilot without it."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pilot:
    """What `tegula_blender.pilot` measured."""

    device: str
    """As workers name theirs."""
    note: str
    """Why it is not the device that was wanted; empty if it is."""
    load_seconds: float
    start_seconds: float
    """Of every render, however few samples it has."""
    samples: int
    """Of each pixel."""
    whole: bool
    """As many as were wanted, and with the scene's noise threshold if it has one."""
    seconds_per_megasample: tuple[float, ...]
    """Of each rect."""
    work_per_megasample: tuple[float, ...]
    """The same, but on a processor in seconds of all its threads, whatever else they do meanwhile."""
    megasamples: float
    """Of a rect, on which this was measured."""
    columns: int
    """Of the grid of cells that has a rect in the middle of each, and its rows."""
    cells: tuple[int, ...]
    """Where each rect is, row by row from the top left."""

    @property
    def mean(self) -> float:
        """Megasamples a second."""
        return 1 / fmean(self.seconds_per_megasample)

    @property
    def range(self) -> Range:
        """Of all of the picture: the mean of the rects, give or take two of its standard errors."""
        rates = self.seconds_per_megasample
        mean = fmean(rates)
        error = 2 * stdev(rates) / len(rates) ** 0.5 if len(rates) > 1 else mean
        return 1 / (mean + error), 1 / max(mean - error, mean / UNSURE)


class Speeds:
    """
    Args:
        known: by what the coordinator tells of the market.
        adaptive: whether the scene has a noise threshold.
    """

    def __init__(self, known: Iterable[Speed], pilot: Pilot | None, *, adaptive: bool) -> None:
        self._known = {speed.device: speed for speed in known}
        self._pilot = pilot
        self._early = CLEAN_EARLY if pilot and adaptive and not pilot.whole else 1.0

    def of(self, device: str) -> Range | None:
        """Megasamples a second of this scene, at worst and at best; None if nothing is known."""
        there, pilot = self._known.get(device), self._pilot
        if pilot is None:
            return _untried(there) if there else None
        here, (slow, fast) = self._known.get(pilot.device), pilot.range
        if there and here:
            times = there.mean / here.mean
            return slow * times / MARGIN, fast * times * MARGIN * self._early
        if there:
            return min(there.slowest, slow), max(there.fastest, fast * self._early)
        return slow / UNSURE, fast * UNSURE * self._early

    def reasons(self, devices: Iterable[str]) -> Iterator[str]:
        """
        Args:
            devices: of the workers that may work, one for each.
        """
        listed = list(devices)
        for device in sorted(set(listed)):
            yield f"{count(listed.count(device), 'worker')} with {device}: {self._shown(device)}."
        if self._pilot is None:
            yield f"The scene was not tried here, so each may be up to {UNSURE:g} times as fast or as slow."
        else:
            yield from self._tried(self._pilot)

    def _shown(self, device: str) -> str:
        speed = self._known.get(device)
        if speed is None:
            return "nothing is known of how fast it is"
        jobs = f"{count(speed.results, 'tile')} of {count(speed.jobs, 'job')}"
        return f"{speed.mean:.3g} megasamples a second in the last {jobs}"

    def _tried(self, pilot: Pilot) -> Iterator[str]:
        yield f"This computer ({pilot.device}) did {pilot.mean:.3g} megasamples a second of the scene."
        if pilot.note:
            yield pilot.note
        here = self._known.get(pilot.device)
        if here:
            times = here.mean / pilot.mean
            than = f"{times:.2g} times as slow" if times >= 1 else f"{1 / times:.2g} times as fast"
            yield f"Its samples are {than} as those of recent jobs on that device."
        else:
            yield "No worker has shown how fast that device is, so the range is wide."
        if self._early > 1:
            yield f"The noise threshold, which was left out, may make it up to {self._early:g} times as fast."


def _untried(speed: Speed) -> Range:
    return min(speed.slowest, speed.mean / UNSURE), max(speed.fastest, speed.mean * UNSURE)
