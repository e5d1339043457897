"""How what of a frame is rendered is cut into tiles: evenly, or by a map of what pixels are expected to cost.

With a map, an even tile that is expected to cost a quarter more than an average one is cut into quarters, and
these again; and tiles are numbered the dearest first. Units are leased in the order of their numbers, so this
is longest processing time first, by which m equal workers end at most 4/3 - 1/(3 m) times as late as by the
best schedule (R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM Journal on Applied Mathematics
17, 1969). Integers only: whoever holds an order comes to the same tiles.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tegula_market.model import CostMap, InvalidValue, Rect

DEAR = 5, 4
"""What a tile may cost, over what an average even one does, as a fraction; `bench/spread.py` compares."""
LEAST_EDGE = 64
"""Pixels; nothing smaller is cut. Below, what a tile costs besides its samples outweighs them, and more and
more of it is probed: `probes.plan`."""
LEAST_OVERSCANS = 64
"""So many times its overscan is a quarter's edge at least. Overscan is work, and paid; of that edge quarters
are 3 % more work than the whole."""
MOST_TILES = 2_048
"""Of a frame that is cut by a map: they are kept, and looked at one by one before an order is paid for."""


def evenly(whole: Rect, edge: int) -> Iterator[Rect]:
    """Row by row from the top left; the last column and row hold what is left."""
    for y in range(whole.y0, whole.y1, edge):
        for x in range(whole.x0, whole.x1, edge):
            yield Rect(x, y, min(x + edge, whole.x1), min(y + edge, whole.y1))


def even(whole: Rect, edge: int, place: int) -> Rect:
    """One of the tiles that `evenly` makes, without the others."""
    row, column = divmod(place, -(-whole.width // edge))
    x, y = whole.x0 + column * edge, whole.y0 + row * edge
    return Rect(x, y, min(x + edge, whole.x1), min(y + edge, whole.y1))


def evens(whole: Rect, edge: int) -> int:
    """How many it makes."""
    return -(-whole.width // edge) * -(-whole.height // edge)


@lru_cache(maxsize=32)
def by_cost(
    whole: Rect, edge: int, overscan: int, costs: CostMap, least: int = LEAST_EDGE
) -> tuple[Rect, ...]:
    """Tiles of like cost, the dearest first, and of equal ones row by row.

    Args:
        edge: of even tiles.
        least: pixels; tests say less.
    Raises:
        InvalidValue: there would be more than `MOST_TILES`.
    """
    _check(evens(whole, edge))
    least = max(least, LEAST_OVERSCANS * overscan)
    # Over the frame's area it is what an average even tile costs.
    average = cost(whole, whole, costs) * min(edge, whole.width) * min(edge, whole.height)

    def parts(tile: Rect) -> Iterable[Rect]:
        dear = cost(whole, tile, costs) * whole.area * DEAR[1] > average * DEAR[0]
        return evenly(tile, half) if dear else (tile,)

    tiles = list(evenly(whole, edge))
    half = -(-edge // 2)
    while half >= least:
        tiles = [part for tile in tiles for part in parts(tile)]
        _check(len(tiles))
        half = -(-half // 2) if half > 1 else 0
    return tuple(sorted(tiles, key=lambda tile: -cost(whole, tile, costs)))


def cost(whole: Rect, rect: Rect, costs: CostMap) -> int:
    """Of a rect of the frame, in pixels times their weights."""
    xs = _lines(whole.x0, whole.width, costs.columns)
    ys = _lines(whole.y0, whole.height, costs.rows)
    return sum(
        width * height * costs.weights[row * costs.columns + column]
        for row, height in _shares(ys, rect.y0, rect.y1)
        for column, width in _shares(xs, rect.x0, rect.x1)
    )


@lru_cache(maxsize=64)
def _lines(start: int, length: int, parts: int) -> tuple[int, ...]:
    """Where the cells of a map begin, and the last one ends. In a small frame some have no pixel."""
    return tuple(start + part * length // parts for part in range(parts + 1))


def _shares(lines: tuple[int, ...], start: int, end: int) -> Iterator[tuple[int, int]]:
    """How many pixels of a stretch are in which cell."""
    for cell in range(bisect_right(lines, start) - 1, bisect_left(lines, end)):
        yield cell, min(end, lines[cell + 1]) - max(start, lines[cell])


def _check(tiles: int) -> None:
    if tiles > MOST_TILES:
        raise InvalidValue(
            f"a frame that is cut by a cost map has at most {MOST_TILES} tiles, not {tiles};"
            " choose larger tiles, or leave the map out"
        )
