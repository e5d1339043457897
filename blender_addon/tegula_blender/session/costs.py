"""Where a scene is dear, by what a pilot took: the cost map of an order. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from tegula_market.model import DEAREST, MAP_EDGE, MEGASAMPLE, CostMap, InvalidValue, Order, Wei

from ..money import Money
from . import planning
from .speeds import Pilot

UNTOLD = 0.02
"""Seconds of work by which two renders of one rect differ. Added to each, so that a pilot that took no longer
finds all of the picture alike."""
EVEN = 1.5
"""Times as dear as the cheapest part of a picture the dearest one has to be."""
QUICK = 2.0
"""Guess: seconds that a tile takes here, from which on a map is worth it. Each tile takes some tenths of a
second besides its samples, and the workers' devices may be faster."""


def found(pilot: Pilot) -> CostMap | None:
    """None if there was no time for all of the rects, or they took about as long as each other."""
    if len(pilot.cells) != pilot.columns**2 or pilot.columns < 2:
        return None
    took = [UNTOLD + rate * pilot.megasamples for rate in pilot.work_per_megasample]
    if max(took) < EVEN * min(took):
        return None
    by_cell = dict(zip(pilot.cells, took, strict=True))
    rows = [
        [by_cell[row * pilot.columns + column] for column in range(pilot.columns)]
        for row in range(pilot.columns)
    ]
    # What lies between the rects is best taken for something in between: `bench/spread.py` says by how much.
    across = [_stretched(row) for row in rows]
    down = [_stretched(column) for column in zip(*across, strict=True)]
    return CostMap(
        MAP_EDGE, tuple(weight for row in zip(*down, strict=True) for weight in _weights(row, max(took)))
    )


def mapped(order: Order, pilot: Pilot | None, budget: Wei, money: Money) -> Order:
    """The order with the pilot's map, if it is of use, and the highest ceiling that the budget covers then.

    It stays as it was where a map makes more tiles than are allowed, or than the budget pays a unit for.
    """
    of_use = pilot is not None and _tells(order, pilot) and not _quick(order, pilot)
    costs = found(pilot) if pilot and of_use else None
    if costs is None:
        return order
    try:
        return planning.within(replace(order, costs=costs), budget, money)
    except InvalidValue:
        return order


def _tells(order: Order, pilot: Pilot) -> bool:
    """Without the noise threshold that a scene has nobody knows where its picture is clean early."""
    return pilot.whole or order.scene.adaptive is None


def _quick(order: Order, pilot: Pilot) -> bool:
    return fmean(planning.frame_sizes(order)) / MEGASAMPLE / pilot.mean < QUICK


def _stretched(values: Sequence[float]) -> list[float]:
    """As many as a map may have in a row: linear between the middles of cells, level outside of them."""
    return [_between(values, (place + 0.5) / MAP_EDGE * len(values) - 0.5) for place in range(MAP_EDGE)]


def _between(values: Sequence[float], at: float) -> float:
    left = min(max(int(at), 0), len(values) - 2)
    share = min(max(at - left, 0.0), 1.0)
    return values[left] * (1 - share) + values[left + 1] * share


def _weights(row: Sequence[float], most: float) -> list[int]:
    return [max(1, round(DEAREST * value / most)) for value in row]
