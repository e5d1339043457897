"""Where a delivered tile is rendered once more: fixed by two parties, foreseen by neither.

The lease carries `commitment(salt)`; the salt itself comes with the verdict. The probes follow from
the salt and the digest of the delivered image, so the worker could not know where it will be looked
at, the coordinator cannot choose it after the fact, and anyone can compute it again.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as count_from

from tegula_market.model import Digest, InvalidValue, Rect

SALT_SIZE = 32

PIXELS = 256
"""Fewest that are planned; probes across the border hold fewer. A cheat that changes one pixel in 40, here
and there, is missed by so many once in 650 tiles; ten would do for one that leaves out a sample."""
PATCH, FOUND = 0.10, 0.80
"""A forged square of a tenth of the tile is met in so many audited tiles: in 95 % of all pairs of them. What
reaches that also meets the few places of a flat tile in which a cheat shows at all."""
RECT_SAMPLES = 2000
"""What a rect costs beside its samples, in samples: 640 in bmw27 (2 ms on two warm cores), 4,900 in the roof
of a thousand objects (47 ms), as `make verify-bench` measures it."""
LARGEST_EDGE = 16
MAX_OVERSCAN = 2
"""Pixels around a probe. A tile has what is always enough (`tiling.overscan_for`), but around a probe each
costs more than the probe itself. No probe of any scene differed with 2 (tests/end_to_end/test_adaptive.py);
one that did would be looked at again, with the tile's own overscan, before anybody is blamed."""
KEPT_PLANS = 1024
"""All tiles of a job but those at its edges have one size."""

Draw = Callable[[int], int]
"""draw(n): a number 0 <= x < n, each equally likely."""


@dataclass(frozen=True, slots=True)
class Plan:
    """So many squares of that edge."""

    count: int
    edge: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.edge < 1:
            raise InvalidValue(f"{self.count} probes of {self.edge} pixels probe nothing")


def plan(rect: Rect, overscan: int, spp: int) -> Plan:
    """How many probes of which edge reach the goals at the least cost.

    A probe of edge e costs RECT_SAMPLES / spp + (e + 2 overscan)^2 pixels. Two goals say how many it takes:

    - all of them hold PIXELS, or more;
    - a forged square of the share PATCH of the tile, with edge a, is met by one of them with probability
      FOUND. A probe meets it from (a + e - 1)^2 of all its starts, (w + e - 1)(h + e - 1) on the torus of
      `place`; that is h. If n probes were placed apart from each other, 1 - (1 - h)^n would meet it, and
      strata only make it more. So n = ln(1 - FOUND) / ln(1 - h).

    Small probes meet more, large ones waste less on overscan and on being rects at all. For a tile of
    64 x 64 with 64 samples and no overscan that gives 12 probes of 5 x 5, 7 % of its pixels; of one of
    128 x 128 the 16 of 4 x 4 are 2 %.

    Args:
        rect: the tile's own, without overscan.
        overscan: around each probe, as `overscan` says.
        spp: samples a pixel.
    """
    return _plan(rect.width, rect.height, overscan, spp)


@lru_cache(maxsize=KEPT_PLANS)
def _plan(width: int, height: int, overscan: int, spp: int) -> Plan:
    plans = [_enough(width, height, edge) for edge in range(1, LARGEST_EDGE + 1)]
    return min(plans, key=lambda p: p.count * (RECT_SAMPLES / spp + (p.edge + 2 * overscan) ** 2))


def overscan(tile_overscan: int) -> int:
    """Pixels to render around a probe, of a tile that has so many."""
    return min(tile_overscan, MAX_OVERSCAN)


def _enough(width: int, height: int, edge: int) -> Plan:
    """As few probes of that edge as reach the goals, in a grid about as square as they can be."""
    patch = math.sqrt(PATCH * width * height)
    met = min(1.0, (patch + edge - 1) ** 2 / ((width + edge - 1) * (height + edge - 1)))
    to_meet = math.log(1 - FOUND) / math.log(1 - met) if met < 1 else 1
    count = math.ceil(max(PIXELS / edge**2, to_meet))
    columns = math.ceil(math.sqrt(count * width / height))
    return Plan(columns * math.ceil(count / columns), edge)


def commitment(salt: bytes) -> Digest:
    """What a lease shows of its salt."""
    _check_salt(salt)
    return Digest(hashlib.blake2b(salt, digest_size=32, person=b"tegula salt").digest())


def place(salt: bytes, image: Digest, rect: Rect, plan: Plan) -> tuple[Rect, ...]:
    """The rects of a tile to render again, in frame pixels; they do not overlap.

    Every pixel, on borders and in corners too, is equally likely to be probed. A probe that lies
    across the tile's border is cut off there, so it can be smaller than planned. Tiles too small for
    all probes apart from each other are probed whole.

    Args:
        image: digest of the delivered image.
        rect: the tile's own rect, without overscan.
    """
    _check_salt(salt)
    seed = hashlib.blake2b(salt + image, digest_size=32, person=b"tegula place").digest()
    words = _words(seed)
    return _arrange(rect, plan.count, plan.edge, lambda n: _below(n, words))


def _arrange(rect: Rect, count: int, edge: int, draw: Draw) -> tuple[Rect, ...]:
    """Starts of probes on a torus, one to a stratum, then all shifted at random.

    The torus holds each start whose probe touches the tile: `edge - 1` of them lie before it. So
    each pixel is probed by exactly edge x edge starts, none of which is across the torus' seam, and
    since a uniform shift makes every start equally likely, every pixel is, too. Placed within the
    tile instead, a corner would be probed 64 times less often than the middle.

    The jitter within each stratum stops a cheat from repeating itself at the distance of the strata.
    """
    wide, high = min(edge, rect.width), min(edge, rect.height)
    torus_x, torus_y = rect.width + wide - 1, rect.height + high - 1
    grid = _grid(count, torus_x, torus_y, wide, high)
    if grid is None or rect.area <= count * edge * edge:
        return (rect,)
    step_x, step_y = torus_x // grid[0], torus_y // grid[1]
    shift_x, shift_y = draw(torus_x), draw(torus_y)
    probes = []
    for row in range(grid[1]):
        for column in range(grid[0]):
            # Jitter short of the stratum's end keeps neighbours apart.
            x = (shift_x + column * step_x + draw(step_x - wide + 1)) % torus_x - (wide - 1)
            y = (shift_y + row * step_y + draw(step_y - high + 1)) % torus_y - (high - 1)
            probes.append(_cut(x, y, wide, high, rect))
    return tuple(probes)


def _grid(count: int, torus_x: int, torus_y: int, wide: int, high: int) -> tuple[int, int] | None:
    """Columns and rows of strata, as square as they come, each with room for a probe."""
    grids = [(columns, count // columns) for columns in range(1, count + 1) if count % columns == 0]
    roomy = [grid for grid in grids if torus_x // grid[0] >= wide and torus_y // grid[1] >= high]
    return min(roomy, key=lambda grid: abs(torus_x * grid[1] - torus_y * grid[0]), default=None)


def _cut(x: int, y: int, wide: int, high: int, rect: Rect) -> Rect:
    """The part of a probe that lies within the tile; x and y count from the tile's top left."""
    return Rect(
        rect.x0 + max(x, 0),
        rect.y0 + max(y, 0),
        min(rect.x0 + x + wide, rect.x1),
        min(rect.y0 + y + high, rect.y1),
    )


def _words(seed: bytes) -> Iterator[int]:
    """An endless stream of 32-bit words: keyed BLAKE2b of a counter."""
    for block in count_from():
        data = hashlib.blake2b(block.to_bytes(8, "big"), key=seed, person=b"tegula draw").digest()
        for start in range(0, len(data), 4):
            yield int.from_bytes(data[start : start + 4], "big")


def _below(n: int, words: Iterator[int]) -> int:
    """The next word modulo n; words past the last multiple of n are skipped, or low numbers come oftener."""
    limit = 2**32 - 2**32 % n
    return next(word for word in words if word < limit) % n


def _check_salt(salt: bytes) -> None:
    if len(salt) != SALT_SIZE:
        raise InvalidValue(f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
