"""Where a delivered tile is rendered once more: fixed by two parties, foreseen by neither.

The lease carries `commitment(salt)`; the salt itself comes with the verdict. The probes follow from
the salt and the digest of the delivered image, so the worker could not know where it will be looked
at, the coordinator cannot choose it after the fact, and anyone can compute it again.

How many pixels are enough: rendered with the same seed, about 80 % of an image's pixels are off by
more than 1 % when a single sample of 64 is left out, and 0.01 % when other hardware rendered it
honestly (bpy 4.5.15, spheres at 640 x 360). Already ten pixels tell these apart; four squares of
8 x 8 are there for cheats that touch a part of the tile. They are spread over it, one to a stratum,
and find a forged tenth of a 64 x 64 tile in 53 % of all cases, wherever it lies (test_probes.py).
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count as count_from

from tegula_market.model import Digest, InvalidValue, Rect

SALT_SIZE = 32

Draw = Callable[[int], int]
"""draw(n): a number 0 <= x < n, each equally likely."""


def commitment(salt: bytes) -> Digest:
    """What a lease shows of its salt."""
    _check_salt(salt)
    return Digest(hashlib.blake2b(salt, digest_size=32, person=b"tegula salt").digest())


def place(salt: bytes, image: Digest, rect: Rect, count: int = 4, edge: int = 8) -> tuple[Rect, ...]:
    """The rects of a tile to render again, in frame pixels; they do not overlap.

    Every pixel, on borders and in corners too, is equally likely to be probed. A probe that lies
    across the tile's border is cut off there, so it can be smaller than `edge`; the default probes
    hold 208 pixels of a 64 x 64 tile on average and never fewer than 32. Tiles too small for `count`
    probes apart from each other are probed whole.

    Args:
        image: digest of the delivered image.
        rect: the tile's own rect, without overscan.
        count, edge: how many probes, and their edge in pixels.
    """
    _check_salt(salt)
    if count < 1 or edge < 1:
        raise InvalidValue(f"{count} probes of {edge} pixels probe nothing")
    seed = hashlib.blake2b(salt + image, digest_size=32, person=b"tegula place").digest()
    words = _words(seed)
    return _arrange(rect, count, edge, lambda n: _below(n, words))


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
