"""Times of the week, as people write them: "mon-fri 18:00-08:00". Pure; by the clock on the wall.

A span belongs to the day on which it begins, so "fri 22:00-06:00" reaches into Saturday. When clocks are
changed the wall's time counts: what does not exist is skipped, what comes twice counts twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = range(7)
DAY = 24 * 60
SPELLING = re.compile(r"(?:(\w{3})(?:-(\w{3}))? )?(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    days: frozenset[int]
    """Monday is 0."""
    start: int
    """Minutes since midnight."""
    end: int

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Raises: ValueError: not spelled like that; the message says how."""
        found = SPELLING.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError('want a time like "mon-fri 18:00-08:00", "sun 00:00-24:00" or "22:00-06:00"')
        first, last, *clock = found.groups()
        hour, minute, end_hour, end_minute = map(int, clock)
        start, end = _minutes(hour, minute), _minutes(end_hour, end_minute)
        if start in {end, DAY}:
            raise ValueError("it has no length; a whole day is 00:00-24:00")
        return cls(text, _days(first, last), start, end)

    def holds(self, when: datetime) -> bool:
        """Whether a local time lies in it. The end is not in it."""
        minute, today = when.hour * 60 + when.minute, when.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        begun_yesterday = (today - 1) % 7 in self.days and minute < self.end
        return begun_yesterday or (today in self.days and minute >= self.start)


def within(spans: Iterable[Span], when: datetime) -> bool:
    return any(span.holds(when) for span in spans)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(WEEK)
    for day in (first, last or first):
        if day not in DAYS:
            raise ValueError(f"there is no day {day!r}; want {', '.join(DAYS)}")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return frozenset((start + i) % 7 for i in range((end - start) % 7 + 1))


def _minutes(hour: int, minute: int) -> int:
    minutes = hour * 60 + minute
    if minute >= 60 or minutes > DAY:
        raise ValueError(f"{hour:02}:{minute:02} is no time of the day")
    return minutes
