"""Judges a tile by its probes: the same pixels, rendered again by a trusted worker.

Cycles is deterministic. At equal seed and sample count another machine of the same kind gives the very same
bits, and other hardware a few diverging paths; a render with one sample fewer has most of its pixels off.
So the statistic is the share of probe pixels of which any channel of any pass is off by more than 1 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters import exr
from tegula_market.model import Outcome, Rect

TOLERANCE = 0.01
"""Relative, with values below FLOOR counted as FLOOR."""
FLOOR = 0.05
THRESHOLD = 0.02
"""Share of probe pixels that may be off. Honest renders with other CPU kernels had 0.0001 of their pixels
off, one sample in 64 too few 0.80; a few bounces too few had 0.017 and pass (bench/differences.py).
With 0.0001 an honest tile has more than 5 of 256 probe pixels off once in 10^12 tiles."""

MAX_CHANNELS = 512
"""Of an image: all passes of all view layers. Four bytes a pixel each, a little more if ZIP fails."""
MAX_HEADER_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    statistic: float
    """Share of probe pixels that are off, 0 to 1."""
    threshold: float
    probe_pixels: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeImage:
    path: Path
    rect: Rect
    """The probe, in pixels of the frame."""
    rendered: Rect
    """What the image covers: the probe and its overscan."""


def judge(image: Path, rendered: Rect, probes: Sequence[ProbeImage]) -> Judgement:
    """Compares a worker's image, which covers `rendered`, with a verifier's probes.

    A fault in the worker's image is a REJECTED verdict; a fault in the verifier's is INCONCLUSIVE, because
    a worker must never pay for it.
    """
    total = sum(probe.rect.area for probe in probes)
    try:
        tile = _read(image, rendered)
    except exr.UnreadableImage as error:
        return Judgement(Outcome.REJECTED, 1.0, THRESHOLD, total, f"the image is not usable: {error}")
    off = 0
    for probe in probes:
        try:
            reference = _read(probe.path, probe.rendered)
        except exr.UnreadableImage as error:
            return _inconclusive(total, f"the verifier's image is not usable: {error}")
        if tile.channels.keys() != reference.channels.keys():
            odd = ", ".join(sorted(tile.channels.keys() ^ reference.channels.keys())[:4])
            return Judgement(
                Outcome.REJECTED, 1.0, THRESHOLD, total, f"passes differ from the scene's: {odd}"
            )
        off += int(_off(tile, rendered, reference, probe).sum())
    statistic = off / total
    if statistic > THRESHOLD:
        reason = f"{off} of {total} probed pixels are not what this scene renders"
        return Judgement(Outcome.REJECTED, statistic, THRESHOLD, total, reason)
    return Judgement(Outcome.ACCEPTED, statistic, THRESHOLD, total, f"{total - off} of {total} pixels agree")


def _inconclusive(total: int, reason: str) -> Judgement:
    return Judgement(Outcome.INCONCLUSIVE, 0.0, THRESHOLD, total, reason)


def _read(path: Path, covers: Rect) -> exr.Image:
    limits = exr.Limits(
        file_bytes=MAX_HEADER_BYTES + covers.area * MAX_CHANNELS * 8,
        header_bytes=MAX_HEADER_BYTES,
        edge=max(covers.width, covers.height),
        channels=MAX_CHANNELS,
        values=covers.area * MAX_CHANNELS,
    )
    image = exr.read(path, limits)
    if (image.width, image.height) != (covers.width, covers.height):
        raise exr.UnreadableImage(
            f"{image.width} x {image.height} pixels instead of {covers.width} x {covers.height}"
        )
    return image


def _off(tile: exr.Image, rendered: Rect, reference: exr.Image, probe: ProbeImage) -> NDArray[np.bool_]:
    """bool[h, w] over the probe's rect: whether any channel differs by more than the tolerance."""
    ours = _crop(probe.rect, rendered)
    theirs = _crop(probe.rect, probe.rendered)
    off = np.zeros((probe.rect.height, probe.rect.width), dtype=np.bool_)
    for name, channel in reference.channels.items():
        off |= differs(tile.channels[name][ours], channel[theirs])
    return off


def differs(got: NDArray[np.float32], want: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether values differ by more than the tolerance; equal bits agree always, NaN and Inf only so.

    Args:
        got, want: float32[h, w], scene-linear, same rect.
    """
    same = got.view(np.uint32) == want.view(np.uint32)
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.maximum(np.abs(want.astype(np.float64)), FLOOR)
        close = np.abs(got.astype(np.float64) - want) <= TOLERANCE * scale
    finite = np.isfinite(got) & np.isfinite(want)
    result: NDArray[np.bool_] = ~(same | (close & finite))
    return result


def _crop(rect: Rect, within: Rect) -> tuple[slice, slice]:
    inner = rect.moved(-within.x0, -within.y0)
    return slice(inner.y0, inner.y1), slice(inner.x0, inner.x1)
