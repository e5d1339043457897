"""Judges a tile by what a verifier rendered again: first a few probes, then, if they look wrong, all of it.

    screen   probes against what honest pairs of devices have shown; a tile that passes is accepted
    confirm  the whole tile, twice: as the worker should have, and with another kernel, the twin, which shows
             how far honest hardware strays in these very pixels

Nobody is rejected for a screen: a share of honest tiles is suspected, and costs the verifier a second look.
A fault in the worker's image is REJECTED; one in a verifier's is INCONCLUSIVE, since no worker pays for it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tegula_market.adapters import cryptomatte, exr, statistic
from tegula_market.adapters.statistic import CERTAIN, Noise, Pair, Planes, Stray
from tegula_market.model import Outcome, Rect

SUSPECT = 2.0
"""Of a screen. An honest tile of a measured pair is looked at again once in 100 times."""
REJECT = 5.0
"""Of a confirmation. An honest tile, if it is looked at again at all, reaches it once in 100,000 times."""
GROSS = 0.5
"""Share of pixels off by a tenth between a verifier's own two kernels: one of the two is broken. The most
that honest ones had so far off are 11 % of a tile of displaced terrain: docs/verification/calibration.csv.
"""

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
    strayed: tuple[float, ...] = ()
    """By rung, the share of pixels by which the twin strayed, where there was one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    path: Path
    covers: Rect
    """In pixels of the frame, overscan included."""


class _Faulty(Exception):
    """A verifier's image that says nothing about the worker's."""


def screen(
    tile: Rendered,
    rects: Sequence[Rect],
    probes: Sequence[Rendered],
    pair: Pair,
    strayed: Sequence[float] = (),
) -> Judgement:
    """Holds a worker's tile against a verifier's probes of it, one image for each rect.

    Args:
        strayed: by rung, the largest share of a tile's pixels by which a twin has strayed in this job; if
            nothing is known of the job, what was measured elsewhere must do.
    """
    total = sum(rect.area for rect in rects)
    try:
        references = [_reference(probe) for probe in probes]
        want = _joined([_pixels(*each, rect) for each, rect in zip(references, rects, strict=True)])
    except _Faulty as error:
        return _inconclusive(error, SUSPECT, total)
    try:
        image = read(tile, want.keys())
    except exr.UnreadableImage as error:
        return _unusable(error, SUSPECT, total)
    odd = next(filter(None, (cryptomatte.disagreement(image, true) for true, _ in references)), "")
    if odd:
        return _suspected(CERTAIN, total, odd)
    got = _joined([_pixels(image, tile.covers, rect) for rect in rects])
    counts = statistic.tally(statistic.levels(got, want))
    surprise = statistic.surprise(counts, total, honest(pair, strayed))
    if surprise >= SUSPECT:
        return _suspected(surprise, total, _off(counts, total))
    return Judgement(Outcome.ACCEPTED, surprise, SUSPECT, total, _off(counts, total))


def confirm(tile: Rendered, rect: Rect, reference: Rendered, twin: Rendered, pair: Pair) -> Judgement:
    """Holds all of a worker's tile against a verifier's, and against how far the verifier's twin strays.

    Args:
        rect: the tile's own, without overscan.
    """
    try:
        true, other = _reference(reference), _reference(twin)
        want = _pixels(*true, rect)
        strayed = _strayed(want, _pixels(*other, rect), rect)
    except _Faulty as error:
        return _inconclusive(error, REJECT, rect.area)
    try:
        image = read(tile, want.keys())
    except exr.UnreadableImage as error:
        return _unusable(error, REJECT, rect.area)
    odd = cryptomatte.disagreement(image, true[0])
    if odd:
        return Judgement(Outcome.REJECTED, CERTAIN, REJECT, rect.area, odd)
    counts = statistic.tally(statistic.levels(_pixels(image, tile.covers, rect), want))
    if any(strayed.counts):
        surprise = statistic.excess(counts, strayed, pair)
    else:  # a processor that has no other kernel: what was measured elsewhere must do
        known = Pair.CPU if pair is Pair.SAME else pair  # devices of one name can have different kernels
        surprise = statistic.surprise(counts, rect.area, statistic.noise(known))
    outcome = Outcome.REJECTED if surprise >= REJECT else Outcome.ACCEPTED
    shares = tuple(count / rect.area for count in strayed.counts)
    return Judgement(outcome, surprise, REJECT, rect.area, _off(counts, rect.area), strayed=shares)


def unfit(tiles: Mapping[int, Rendered]) -> str:
    """The first of several tiles of a job that is not an image of its rect with the passes of the others.

    Returns:
        A sentence with the tile's number, or nothing.
    """
    passes: Collection[str] | None = None
    for number, tile in tiles.items():
        try:
            passes = read(tile, passes).channels.keys()
        except exr.UnreadableImage as error:
            return f"the image of tile {number} is not usable: {error}"
    return ""


def honest(pair: Pair, strayed: Sequence[float]) -> Noise:
    """What a screen allows.

    Whoever names a graphics card is screened as a processor all the same, or a name would buy leniency. What
    cards stray further costs a second look, and only that knows them for what they are.
    """
    if pair is Pair.SAME:
        return statistic.noise(Pair.SAME)
    return statistic.expected(strayed) if strayed else statistic.noise(Pair.CPU)


def _strayed(want: Planes, other: Planes, rect: Rect) -> Stray:
    if want.keys() != other.keys():
        raise _Faulty("its two kernels gave different passes")
    strayed = statistic.stray(statistic.levels(other, want).reshape(rect.height, rect.width))
    if strayed.counts[statistic.RUNGS.index(1e-1)] > GROSS * rect.area:
        raise _Faulty(f"its two kernels disagree: {_off(strayed.counts, rect.area)}")
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


def _unusable(error: exr.UnreadableImage, threshold: float, total: int) -> Judgement:
    return Judgement(Outcome.REJECTED, CERTAIN, threshold, total, f"the image is not usable: {error}")


def _suspected(surprise: float, total: int, reason: str) -> Judgement:
    return Judgement(Outcome.INCONCLUSIVE, surprise, SUSPECT, total, reason, suspected=True)


def _inconclusive(error: _Faulty, threshold: float, total: int) -> Judgement:
    return Judgement(Outcome.INCONCLUSIVE, 0.0, threshold, total, f"the verifier is at fault: {error}")


def read(rendered: Rendered, passes: Collection[str] | None = None) -> exr.Image:
    """A tile's image, under limits that follow from what it should cover.

    Looks at the header first: what has other passes than the scene is not decoded, however small it is.

    Raises:
        UnreadableImage: it is damaged, of another size, or has other passes.
    """
    covers = rendered.covers
    limits = exr.Limits(
        file_bytes=MAX_HEADER_BYTES + covers.area * MAX_CHANNELS * 8,
        header_bytes=MAX_HEADER_BYTES,
        edge=max(covers.width, covers.height),
        channels=MAX_CHANNELS,
        values=covers.area * MAX_CHANNELS,
    )
    header = exr.header(rendered.path, limits)
    if (header.width, header.height) != (covers.width, covers.height):
        raise exr.UnreadableImage(
            f"{header.width} x {header.height} pixels instead of {covers.width} x {covers.height}"
        )
    odd = set() if passes is None else set(header.channels) ^ set(passes)
    if odd:
        raise exr.UnreadableImage(f"its passes are not the scene's: {', '.join(map(repr, sorted(odd)[:4]))}")
    return exr.pixels(rendered.path, header)


def _reference(rendered: Rendered) -> tuple[exr.Image, Rect]:
    try:
        return read(rendered, None), rendered.covers
    except exr.UnreadableImage as error:
        raise _Faulty(f"its image is not usable: {error}") from error


def _pixels(image: exr.Image, covers: Rect, rect: Rect) -> Planes:
    """float32[n] by channel: the pixels of a rect, row by row."""
    inner = rect.moved(-covers.x0, -covers.y0)
    crop = slice(inner.y0, inner.y1), slice(inner.x0, inner.x1)
    return {name: plane[crop].ravel() for name, plane in image.channels.items()}


def _joined(parts: Sequence[Planes]) -> Planes:
    if any(part.keys() != parts[0].keys() for part in parts):
        raise _Faulty("its images have different passes")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
