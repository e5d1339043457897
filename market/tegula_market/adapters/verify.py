"""Judges a tile by what a verifier rendered again: first a few probes, then, if they look wrong, all of it.

    screen   probes against what honest pairs of devices have shown; a tile that passes is accepted
    confirm  the whole tile, twice: as the worker should have, and with another kernel, the twin, which shows
             how far honest hardware strays in these very pixels

Nobody is rejected for a screen: a share of honest tiles is suspected, and costs the verifier a second look.
A fault in the worker's image is REJECTED; one in a verifier's is INCONCLUSIVE, since no worker pays for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tegula_market.adapters import exr, statistic
from tegula_market.adapters.statistic import CERTAIN, Pair, Planes
from tegula_market.model import Outcome, Rect

SUSPECT = 2.0
"""Of a screen. An honest tile of a measured pair is looked at again once in 100 times."""
REJECT = 5.0
"""Of a confirmation. An honest tile, if it is looked at again at all, reaches it once in 100,000 times."""
GROSS = 0.25
"""Share of pixels off by 1 % between a verifier's own two kernels: one of the two is broken. The most that
honest kernels differed by in a whole tile is in docs/verification/calibration.csv."""

MAX_CHANNELS = 512
"""Of an image: all passes of all view layers. Four bytes a pixel each, a little more if ZIP fails."""
MAX_HEADER_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    statistic: float
    """-log10 of the probability that an honest tile looks like this."""
    threshold: float
    probe_pixels: int
    reason: str
    suspected: bool = False
    """To be looked at again; the outcome is INCONCLUSIVE until then."""


@dataclass(frozen=True, slots=True)
class Rendered:
    path: Path
    covers: Rect
    """In pixels of the frame, overscan included."""


class _Faulty(Exception):
    """A verifier's image that says nothing about the worker's."""


def screen(tile: Rendered, rects: Sequence[Rect], probes: Sequence[Rendered], pair: Pair) -> Judgement:
    """Holds a worker's tile against a verifier's probes of it, one image for each rect."""
    total = sum(rect.area for rect in rects)
    try:
        image = _read(tile)
    except exr.UnreadableImage as error:
        return _unusable(error, SUSPECT, total)
    try:
        parts = [_pixels(_reference(probe), rect) for probe, rect in zip(probes, rects, strict=True)]
        want = _joined(parts)
    except _Faulty as error:
        return _inconclusive(error, SUSPECT, total)
    if image.channels.keys() != want.keys():
        return _suspected(CERTAIN, total, _odd_passes(image, want))
    got = _joined([_pixels((image, tile.covers), rect) for rect in rects])
    counts = statistic.tally(statistic.levels(got, want))
    surprise = statistic.surprise(counts, total, statistic.noise(pair))
    if surprise >= SUSPECT:
        return _suspected(surprise, total, _off(counts, total))
    return Judgement(Outcome.ACCEPTED, surprise, SUSPECT, total, _off(counts, total))


def confirm(tile: Rendered, rect: Rect, reference: Rendered, twin: Rendered, pair: Pair) -> Judgement:
    """Holds all of a worker's tile against a verifier's, and against how far the verifier's twin strays.

    Args:
        rect: the tile's own, without overscan.
    """
    try:
        image = _read(tile)
    except exr.UnreadableImage as error:
        return _unusable(error, REJECT, rect.area)
    try:
        want, other = (_joined([_pixels(_reference(each), rect)]) for each in (reference, twin))
        strayed = _strayed(want, other, rect.area)
    except _Faulty as error:
        return _inconclusive(error, REJECT, rect.area)
    if image.channels.keys() != want.keys():
        return Judgement(Outcome.REJECTED, CERTAIN, REJECT, rect.area, _odd_passes(image, want))
    got = _joined([_pixels((image, tile.covers), rect)])
    counts = statistic.tally(statistic.levels(got, want))
    if any(strayed):
        surprise = statistic.excess(counts, strayed, pair)
    else:  # a processor that has no other kernel: what was measured elsewhere must do
        known = Pair.CPU if pair is Pair.SAME else pair  # devices of one name can have different kernels
        surprise = statistic.surprise(counts, rect.area, statistic.noise(known))
    outcome = Outcome.REJECTED if surprise >= REJECT else Outcome.ACCEPTED
    return Judgement(outcome, surprise, REJECT, rect.area, _off(counts, rect.area))


def unfit(tiles: Mapping[int, Rendered]) -> str:
    """The first of several tiles of a job that is not an image of its rect with the passes of the others.

    Returns:
        A sentence with the tile's number, or nothing.
    """
    passes = None
    for number, tile in tiles.items():
        try:
            found = _read(tile).channels.keys()
        except exr.UnreadableImage as error:
            return f"the image of tile {number} is not usable: {error}"
        passes = passes or found
        if found != passes:
            return f"tile {number} has other passes than another of its batch"
    return ""


def _strayed(want: Planes, other: Planes, total: int) -> tuple[int, ...]:
    if want.keys() != other.keys():
        raise _Faulty("its two kernels gave different passes")
    strayed = statistic.tally(statistic.levels(other, want))
    if strayed[statistic.RUNGS.index(1e-2)] > GROSS * total:
        raise _Faulty(f"its two kernels disagree: {_off(strayed, total)}")
    return strayed


def _off(counts: Sequence[int], total: int) -> str:
    if not any(counts):
        return f"all of {total} pixels are equal in every bit"
    listed = (
        f"{count} by more than {rung:.2%}"
        for rung, count in zip(statistic.RUNGS[1:], counts[1:], strict=True)
        if count
    )
    said = ", ".join(listed) or "none by more than 0.01%"
    return f"of {total} pixels {counts[0]} differ in some bit, {said}"


def _odd_passes(image: exr.Image, want: Planes) -> str:
    odd = ", ".join(sorted(image.channels.keys() ^ want.keys())[:4])
    return f"the image's passes are not the scene's: {odd}"


def _unusable(error: exr.UnreadableImage, threshold: float, total: int) -> Judgement:
    return Judgement(Outcome.REJECTED, CERTAIN, threshold, total, f"the image is not usable: {error}")


def _suspected(surprise: float, total: int, reason: str) -> Judgement:
    return Judgement(Outcome.INCONCLUSIVE, surprise, SUSPECT, total, reason, suspected=True)


def _inconclusive(error: _Faulty, threshold: float, total: int) -> Judgement:
    return Judgement(Outcome.INCONCLUSIVE, 0.0, threshold, total, f"the verifier is at fault: {error}")


def _read(rendered: Rendered) -> exr.Image:
    covers = rendered.covers
    limits = exr.Limits(
        file_bytes=MAX_HEADER_BYTES + covers.area * MAX_CHANNELS * 8,
        header_bytes=MAX_HEADER_BYTES,
        edge=max(covers.width, covers.height),
        channels=MAX_CHANNELS,
        values=covers.area * MAX_CHANNELS,
    )
    image = exr.read(rendered.path, limits)
    if (image.width, image.height) != (covers.width, covers.height):
        raise exr.UnreadableImage(
            f"{image.width} x {image.height} pixels instead of {covers.width} x {covers.height}"
        )
    return image


def _reference(rendered: Rendered) -> tuple[exr.Image, Rect]:
    try:
        return _read(rendered), rendered.covers
    except exr.UnreadableImage as error:
        raise _Faulty(f"its image is not usable: {error}") from error


def _pixels(of: tuple[exr.Image, Rect], rect: Rect) -> Planes:
    """float32[n] by channel: the pixels of a rect, in a row."""
    image, covers = of
    inner = rect.moved(-covers.x0, -covers.y0)
    crop = slice(inner.y0, inner.y1), slice(inner.x0, inner.x1)
    return {name: plane[crop].ravel() for name, plane in image.channels.items()}


def _joined(parts: Sequence[Planes]) -> Planes:
    if any(part.keys() != parts[0].keys() for part in parts):
        raise _Faulty("its images have different passes")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
