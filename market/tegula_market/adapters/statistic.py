"""How far a tile is from its probe, and whether honest hardware strays so far.

At equal seed and sample count the same device gives the same bits. Another kernel rounds otherwise; now and
then a path then hits or misses, ends or goes on, and its whole sample is another. So honest differences are
last bits everywhere, and a few pixels that are off by anything. Magnitudes say little (one firefly outweighs
a tile) but the number of pixels that are off does: it is held against what honest renders have shown.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Planes: TypeAlias = Mapping[str, NDArray[np.float32]]
"""Values of the same pixels, scene-linear, by channel: "ViewLayer.Combined.R" and so on."""

RUNGS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
"""Relative differences at which pixels are counted. The first counts any bit that differs. Cheats show on
different ones: a sample in 64 too few at 1e-2, one in 2,000 at 1e-4, a pasted patch at 1e-1."""
FLOOR = 0.05
"""Values below this share of what is usual in the tile count as so large: relative to nothing, all is noise.
"""
FAR = 1e9
"""Cycles' depth where there is no surface is 1e10: it says nothing of what is usual."""
ALIKE = ("RGB", "XYZW", "UV")
"""Channels of a pass that are one vector. Alpha is not: it would hide what is darker than 1."""
PIXEL = 1.0
"""Least that motion is relative to, in pixels, its unit: of what stands still it is nothing but last bits."""
BLOCK = 8
"""Edge, in pixels, of the blocks in which strays are counted to see whether they come in clumps."""
LEAST_CLUMP = 2.0
"""Pixels that stray together, on average, even where a twin shows too few of them to tell."""
LEAST_SHARE = 1 / 4096
"""Of pixels that stray, even where none has: a pixel of a tile of 64 x 64."""
TELLING = 0.9
"""Where so many stray, counting them tells nothing."""
KNOWN_SPREAD = 0.005
"""Of a tile's share in a job whose worst tile is known. With it fewer than one screen in 100 of each scene in
docs/verification/calibration.csv leads to a second look (tests/bench/verification/test_calibrate.py)."""
CERTAIN = 16.0
"""-log10 of the least probability that a double can tell from none."""


class Pair(StrEnum):
    """Of which kind the two devices are that rendered the same pixels."""

    SAME = "same"
    CPU = "cpu"
    """Two processors, or two kernels of one."""
    MIXED = "mixed"
    """A graphics card on either side."""


STRAY_FACTOR = {Pair.SAME: 2.0, Pair.CPU: 2.0, Pair.MIXED: 8.0}
"""So many times as far as the verifier's own second kernel may honest hardware stray. The kernels with and
without AVX2 differ more than two processors do that both have it; for graphics cards it is a guess."""
BOLD_FACTOR = 10.0
"""So many times as often, beyond that, may an honest pixel be off if it differs at all."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Honest differences of a pair: by rung, the share of a tile's pixels that are off, and how it varies."""

    mean: tuple[float, ...]
    """Of the share, 0 to 1; a rung whose mean is 1 tells nothing."""
    spread: tuple[float, ...]
    """Intra-class correlation of a beta-binomial, 0 to 1; 0 is a binomial."""


@dataclass(frozen=True, slots=True)
class Stray:
    """What a twin shows of a tile."""

    counts: tuple[int, ...]
    """Of pixels that are off, by rung."""
    clumps: tuple[float, ...]
    """Index of dispersion of those counts among blocks of the tile; at least LEAST_CLUMP."""


def levels(got: Planes, want: Planes) -> NDArray[np.uint8]:
    """By how many rungs each pixel's worst channel is off; 0 where all bits are equal.

    A difference is relative to the largest of a vector's channels in that pixel, so that a normal's tiny
    component is not held against its own last bits. NaN, Inf and cryptomatte's ids agree only with the same
    bits.

    Args:
        got, want: the same channels, arrays of one shape; `want` is the reference.
    """
    shape = next(iter(want.values())).shape
    worst = np.zeros(shape)
    for names in _vectors(want):
        differing = {name: got[name].view(np.uint32) != want[name].view(np.uint32) for name in names}
        if not any(differs.any() for differs in differing.values()):
            continue  # as nearly all do not, and then there is nothing to measure
        stack = np.stack([want[name] for name in names]).astype(np.float64)
        scale = np.maximum(_scale(stack), PIXEL if _is_motion(names[0]) else 0)
        for name, plane in zip(names, stack, strict=True):
            with np.errstate(invalid="ignore", over="ignore"):
                off = np.abs(got[name].astype(np.float64) - plane) / scale
            off[~np.isfinite(off) | _is_id(name)] = np.inf
            differs = differing[name]
            # Zero and minus zero differ in a bit and in nothing else: they count on the first rung.
            worst = np.maximum(worst, np.where(differs, np.maximum(off, np.finfo(float).tiny), 0))
    found: NDArray[np.uint8] = sum(
        ((worst > rung).astype(np.uint8) for rung in RUNGS), np.zeros(shape, np.uint8)
    )
    return found


def _scale(stack: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a difference is relative to, by pixel.

    The usual size is a median, and of what is there at all, so that neither black nor the background makes
    everything else look small or large.
    """
    size = np.abs(np.where(np.isfinite(stack), stack, 0)).max(axis=0)
    there = size[(size > 0) & (size < FAR)]
    scale: NDArray[np.float64] = np.maximum(size, FLOOR * np.median(there) if there.size else 0)
    scale[scale == 0] = 1.0
    return scale


def tally(found: NDArray[np.uint8]) -> tuple[int, ...]:
    """For each rung, how many of the pixels are off by more."""
    return tuple(int((found > rung).sum()) for rung in range(len(RUNGS)))


def surprise(counts: Sequence[int], total: int, noise: Noise) -> float:
    """-log10 of the probability that an honest tile has so many pixels off, at its most telling rung.

    Beta-binomial tails (Skellam 1948), Bonferroni over the rungs that tell anything.
    """
    telling = [rung for rung, mean in enumerate(noise.mean) if mean < 1]
    tails = [_tail(counts[rung], total, noise.mean[rung], noise.spread[rung]) for rung in telling]
    return _surprise(min(tails), len(telling))


def stray(found: NDArray[np.uint8]) -> "Stray":
    """How far a verifier's other kernel strays.

    Args:
        found: uint8[h, w], `levels` of the twin against the reference.
    """
    high, wide = (length // BLOCK for length in found.shape)
    blocks = found[: high * BLOCK, : wide * BLOCK].reshape(high, BLOCK, wide, BLOCK)
    clumps = []
    for rung in range(len(RUNGS)):
        counts = (blocks > rung).sum(axis=(1, 3))
        index = counts.var() / counts.mean() if counts.any() else 0.0
        clumps.append(max(LEAST_CLUMP, float(index)))
    return Stray(tally(found), tuple(clumps))


def excess(counts: Sequence[int], twin: "Stray", pair: Pair) -> float:
    """-log10 of the probability that an honest tile strays so much further than the verifier's own twin.

    Two questions at each rung but the first, Bonferroni over all of them:

    - Are more pixels off than the twin allows? If both stray by chance, in proportion STRAY_FACTOR : 1, then
      of all that are off the tile's are binomial (the conditional test of two Poisson rates: Przyborowski and
      Wilenski 1940).
    - Are more off of those that differ at all? Honest hardware that rounds as the verifier does, save here
      and there, strays as seldom; a patch in a tile that is otherwise bit-equal is off wherever it differs.
      The twin, which rounds otherwise at every step of every path, shows how often one that differs is off
      at most, and BOLD_FACTOR makes sure.

    Pixels that stray do so in clumps, so clumps are counted: all counts are divided by the twin's index of
    dispersion (quasi-Poisson: Wedderburn 1974). One is added to the twin's, since a rate that showed nothing
    is not known to be nothing.

    Args:
        counts: `tally` of the tile against the reference, of the same pixels as the twin's.
    """
    share, bold = STRAY_FACTOR[pair] / (1 + STRAY_FACTOR[pair]), BOLD_FACTOR * STRAY_FACTOR[pair]
    tails = []
    for rung in _telling(pair):
        mine, theirs, differing, base = (
            int(count / twin.clumps[rung])
            for count in (counts[rung], twin.counts[rung], counts[0], twin.counts[0])
        )
        tails.append(_tail(mine, mine + theirs + 1, share, 0.0))
        most = min(1.0, bold * (theirs + 1) / max(base, 1))
        tails.append(_tail(mine, differing, most, 0.0))
    return _surprise(min(tails), len(tails))


def _telling(pair: Pair) -> list[int]:
    """Rungs at which strays are rarer than pixels. Bits differ everywhere between two kernels."""
    return [rung for rung, mean in enumerate(noise(pair).mean) if rung and mean < 1]


@cache
def noise(pair: Pair) -> Noise:
    """What was measured of honest pairs: `honest.json`, which `make calibrate` writes."""
    measured = json.loads(resources.files(__package__).joinpath("honest.json").read_text())["pairs"]
    return Noise(tuple(measured[pair]["mean"]), tuple(measured[pair]["spread"]))


def expected(strayed: Sequence[float]) -> Noise:
    """Honest differences of other hardware in a job, from how far verifiers' twins have strayed in it.

    How far hardware strays depends on the scene a thousand times more than on the hardware, so each scene is
    its own measure. Other hardware may stray STRAY_FACTOR times as far as a twin.

    Args:
        strayed: by rung, the largest share of any tile's pixels so far.
    """
    shares = (STRAY_FACTOR[Pair.CPU] * share + LEAST_SHARE for share in strayed)
    mean = (1.0 if rung == 0 or share > TELLING else share for rung, share in enumerate(shares))
    return Noise(tuple(mean), (KNOWN_SPREAD,) * len(RUNGS))


def pair_of(worker: str, verifier: str) -> Pair:
    """Of two devices as workers name them, e.g. "CPU AMD EPYC"."""
    if worker == verifier:
        return Pair.SAME
    return Pair.CPU if worker.startswith("CPU ") and verifier.startswith("CPU ") else Pair.MIXED


def _vectors(planes: Planes) -> list[list[str]]:
    """Names of channels, each with those that it makes a vector with; "A.B.C.R" is of the pass "A.B.C"."""
    groups: dict[str, list[str]] = {}
    for name in sorted(planes):
        of, _, channel = name.rpartition(".")
        alone = _is_cryptomatte(name)
        kind = channel if alone else next((alike for alike in ALIKE if channel in alike), channel)
        groups.setdefault(f"{of}.{kind}", []).append(name)
    return list(groups.values())


def _is_motion(name: str) -> bool:
    return _pass_of(name) == "Vector"


def _is_id(name: str) -> bool:
    """Cryptomatte has ids and coverages in turn; an id is a hash, of which no part means anything."""
    return _is_cryptomatte(name) and name[-1] in "rbRB"


def _is_cryptomatte(name: str) -> bool:
    return _pass_of(name).startswith("Crypto")


def _pass_of(name: str) -> str:
    """ "ViewLayer.Depth.Z" is of the pass "Depth"."""
    return name.rpartition(".")[0].rpartition(".")[2]


def _tail(count: int, total: int, mean: float, spread: float) -> float:
    """P(K >= count) of a beta-binomial, or of a binomial if there is no spread."""
    if count == 0:
        return 1.0
    # A quarter of a coordinator's start, and what is bit-equal, as nearly all tiles are, never needs it.
    from scipy import stats  # noqa: PLC0415

    if spread == 0:
        return float(stats.binom.sf(count - 1, total, mean))
    both = (1 - spread) / spread  # a + b of the beta distribution
    return float(stats.betabinom.sf(count - 1, total, mean * both, (1 - mean) * both))


def _surprise(tail: float, tests: int) -> float:
    return min(CERTAIN, max(0.0, -math.log10(max(tail, 1e-300) * tests)))
