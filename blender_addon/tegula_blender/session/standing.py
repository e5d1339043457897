"""Where a job stands, and how long it still takes."""

from collections.abc import Callable
from dataclasses import dataclass

from tegula_market.model import Wei

from ..money import Money

NOTHING = Wei(0)


@dataclass(frozen=True, slots=True)
class Standing:
    step: str
    """What is being done, for people: "uploading the scene"."""
    done: int = 0
    """Accepted tiles."""
    tiles: int = 0
    """0 while there is nothing to count."""
    price: Wei = NOTHING
    """What the accepted tiles cost."""
    budget: Wei = NOTHING
    since: float | None = None
    """`time.monotonic` when the first tile was seen to be leased."""
    lowest: Wei | None = None
    """Ask for a megasample at present, while all that is asked is above the ceiling."""
    ceiling: Wei = NOTHING


Tell = Callable[[Standing], None]


def seconds_left(standing: Standing, now: float) -> float | None:
    """By the pace so far; None before a tile is accepted."""
    if standing.done == 0 or standing.since is None:
        return None
    return (now - standing.since) / standing.done * (standing.tiles - standing.done)


def waits(standing: Standing, money: Money) -> str:
    """What a job waits for that is too dear to be taken; empty of any other."""
    if standing.lowest is None:
        return ""
    least, most = money.text(standing.lowest), money.text(standing.ceiling)
    return f"the lowest ask is {least} a megasample, and the job pays {most} at most"


def duration(seconds: float) -> str:
    """Like 8 s, 3:05 min or 2:00:09 h."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
