"""What work has cost, hour by hour, for each class of device: open, high, low, close, and how much was done.

A fold over two kinds of happenings. A round that takes workers of a class is a price; an accepted unit is
volume. Leases that come to nothing are neither, and a class is known from its first accepted unit on, so that
made-up devices cost their owner honest work. Whoever requests and renders at once can still paint a price, as
on every market: it pays for it.

Of each class the last KEPT hours in which anything happened, of the classes the CLASSES that were busy last.
"""

from dataclasses import dataclass, replace
from typing import NewType

from tegula_market.model import Address, Wei

PERIOD = 3600
KEPT, CLASSES = 168, 64
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Class:
    token: Address
    """Prices in different tokens cannot be compared."""
    device: str
    """In its workers' words."""


@dataclass(frozen=True, slots=True)
class Candle:
    start: int
    """Unix seconds, a multiple of PERIOD."""
    open: Wei
    high: Wei
    low: Wei
    close: Wei
    """Token units per megasample."""
    volume: int = 0
    """Pixel-samples accepted."""


Candles = tuple[Candle, ...]
"""Oldest first; hours in which nothing happened are left out."""
History = NewType("History", dict[Class, Candles])
"""By class, the one that was busy last at the end."""


def of(token: Address, device: str) -> Class:
    return Class(token, device[:LONGEST_NAME])


def cleared(history: History, of: Class, price: Wei, at: float) -> None:
    """A round took a worker of that class."""
    if of in history:
        *before, last = _at(history[of], price, at)
        widened = replace(last, high=max(last.high, price), low=min(last.low, price), close=price)
        _keep(history, of, (*before, widened))


def accepted(history: History, of: Class, price: Wei, size: int, at: float) -> None:
    """
    Args:
        price: at which the unit's job cleared last; what a class begins with.
    """
    candles = history.get(of, ())
    *before, last = _at(candles, candles[-1].close if candles else price, at)
    _keep(history, of, (*before, replace(last, volume=last.volume + size)))


def _at(candles: Candles, price: Wei, at: float) -> Candles:
    """With a candle for that hour, which begins at that price if there is none."""
    start = int(at // PERIOD) * PERIOD
    if candles and start <= candles[-1].start:  # a clock may be set back; history is not
        return candles
    return (*candles, Candle(start, price, price, price, price))


def _keep(history: History, of: Class, candles: Candles) -> None:
    history.pop(of, None)
    history[of] = candles[-KEPT:]
    if len(history) > CLASSES:
        del history[next(iter(history))]
