"""The shipped decision, `tegula_market.adapters.verify`, on arrays instead of files.

A test holds both against each other. Files would take a hundred times as long.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters import statistic
from tegula_market.adapters.statistic import RUNGS, Noise, Pair, Stray
from tegula_market.adapters.verify import GROSS, REJECT, SUSPECT, honest
from tegula_market.model import Rect
from verification.picture import Picture

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    screen: float
    confirm: float
    """0 where nothing was to confirm."""
    inconclusive: bool = False

    @property
    def suspected(self) -> bool:
        return self.screen >= SUSPECT

    @property
    def rejected(self) -> bool:
        return self.suspected and not self.inconclusive and self.confirm >= REJECT


def screen(
    got: Picture, want: Picture, probes: tuple[Rect, ...], pair: Pair, strayed: tuple[float, ...] = ()
) -> float:
    """Surprise of a tile's probes; rects in pixels of the tile."""
    counts = statistic.tally(statistic.levels(got.planes(probes), want.planes(probes)))
    return _surprise(counts, sum(probe.area for probe in probes), honest(pair, strayed))


def confirm(got: Picture, want: Picture, twin: Stray, pair: Pair) -> float:
    """Surprise of a whole tile, against how far the twin strays."""
    if any(twin.counts):
        return statistic.excess(off(got, want), twin, pair)
    known = Pair.CPU if pair is Pair.SAME else pair
    return _surprise(off(got, want), area(want), statistic.noise(known))


def off(got: Picture, want: Picture) -> Counts:
    return statistic.tally(_levels(got, want))


def stray(twin: Picture, want: Picture) -> Stray:
    return statistic.stray(_levels(twin, want).reshape(want.values.shape[1:]))


def furthest(twin: Picture, want: Picture, tiles: Iterable[Rect]) -> tuple[float, ...]:
    """By rung, the largest share of a tile's pixels: what a job comes to know of its scene."""
    strays = [[count / tile.area for count in stray(twin.cut(tile), want.cut(tile)).counts] for tile in tiles]
    return tuple(map(max, *strays)) if len(strays) > 1 else tuple(strays[0])


def broken(twin: Stray, total: int) -> bool:
    """Whether the verifier's own kernels disagree too much to say anything."""
    return twin.counts[RUNGS.index(1e-1)] > GROSS * total


def area(tile: Picture) -> int:
    return int(tile.values[0].size)


def _levels(got: Picture, want: Picture) -> NDArray[np.uint8]:
    """uint8[n]"""
    whole = (Rect(0, 0, *reversed(want.values.shape[1:])),)
    return statistic.levels(got.planes(whole), want.planes(whole))


@cache
def _surprise(counts: Counts, total: int, noise: Noise) -> float:
    return statistic.surprise(counts, total, noise)
