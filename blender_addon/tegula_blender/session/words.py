"""Counts and times as an artist reads them."""

from datetime import datetime

from ..money import Money

STEPS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def count(number: int, thing: str) -> str:
    """Like "1 worker" or "3 workers"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def be(number: int) -> str:
    return "is" if number == 1 else "are"


def sentence(error: Exception) -> str:
    """With its full stop, so that another can follow; some messages come from Blender itself."""
    said = str(error).strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def duration(seconds: float) -> str:
    """Like "90 seconds" or "4 minutes": a number of two digits at most says enough."""
    if seconds < 1:
        return "less than a second"
    size, name = next(step for step in STEPS if seconds >= 2 * step[0] or step[0] == 1)
    return count(round(seconds / size), name)


def moment(at: float, now: float) -> str:
    """Like "14:05", with its day if it is not today's; by the clock of this computer, in its time zone.

    Args:
        at, now: Unix seconds.
    """
    then, today = (datetime.fromtimestamp(each).astimezone() for each in (at, now))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%a %d %b, %H:%M}"


def between(low: float, high: float) -> str:
    one, other = duration(low), duration(high)
    return one if one == other else f"{one} to {other}"


def amounts(low: int, high: int, money: Money) -> str:
    """Like "0.0010 to 0.0014 USD"."""
    one, other = money.text(low), money.text(high)
    return one if low == high else f"{one.removesuffix(f' {money.symbol}')} to {other}"
