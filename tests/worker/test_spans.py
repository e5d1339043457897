"""Times of the week by the clock on the wall, midnight and clock changes included."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_worker.spans import DAY, DAYS, Span, within

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, tzinfo=BERLIN)


def at(day: str, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return (MONDAY + timedelta(days=DAYS.index(day))).replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("mon-fri 09:00-17:00", ["mon 09:00", "fri 16:59"], ["mon 08:59", "fri 17:00", "sat 12:00"]),
        ("fri 22:00-06:00", ["fri 22:00", "sat 00:00", "sat 05:59"], ["sat 06:00", "fri 05:00", "sat 22:00"]),
        ("sun 18:00-08:00", ["sun 23:59", "mon 07:59"], ["mon 18:00", "sun 07:00"]),
        ("fri-mon 00:00-24:00", ["fri 00:00", "sun 12:00", "mon 23:59"], ["tue 00:00", "thu 23:59"]),
        ("22:00-06:00", ["wed 22:00", "wed 05:59"], ["wed 06:00", "wed 21:59"]),
        ("Tue 00:00-00:01", ["tue 00:00"], ["tue 00:01", "mon 00:00"]),
    ],
)
def test_what_lies_in_a_span(text: str, inside: list[str], outside: list[str]) -> None:
    span = Span.parse(text)
    assert [when for when in inside if not span.holds(at(*when.split()))] == []
    assert [when for when in outside if span.holds(at(*when.split()))] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "always",
        "mon",
        "9:00-17:00",
        "mon 09:00",
        "mon-fry 09:00-17:00",
        "25:00-26:00",
        "08:60-09:00",
        "24:00-06:00",
        "08:00-08:00",
        "mon-tue-wed 08:00-09:00",
        "08:00-24:01",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"want|day|time|length"):
        Span.parse(text)


spans = st.builds(
    Span,
    st.just(""),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, DAY - 1),
    st.integers(1, DAY),
).filter(lambda span: span.start != span.end)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(spans, moments)
def test_a_span_and_what_is_left_of_the_day_share_no_minute(span: Span, moment: datetime) -> None:
    """What begins when the other ends, on all days, is its exact opposite."""
    when = moment.astimezone(BERLIN)
    daily = Span("", frozenset(range(7)), span.start, span.end)
    rest = Span("", frozenset(range(7)), span.end % DAY, span.start or DAY)
    if rest.start == rest.end % DAY:  # the span was the whole day
        assert daily.holds(when)
    else:
        assert daily.holds(when) != rest.holds(when)
    assert within([daily, rest], when) or rest.start == rest.end


@given(spans, moments)
def test_a_span_of_all_days_is_the_union_of_the_days(span: Span, moment: datetime) -> None:
    single = [Span("", frozenset([day]), span.start, span.end) for day in span.days]
    when = moment.astimezone(BERLIN)
    assert span.holds(when) == within(single, when)


def _open_minutes(span: Span, first: datetime, hours: int) -> int:
    start = first.astimezone(UTC)
    minutes = (start + timedelta(minutes=i) for i in range(hours * 60))
    return sum(span.holds(minute.astimezone(BERLIN)) for minute in minutes)


@pytest.mark.parametrize(
    ("night", "minutes"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=BERLIN), 7 * 60),  # clocks go from 2 to 3
        (datetime(2026, 10, 24, 12, tzinfo=BERLIN), 9 * 60),  # and back from 3 to 2
        (datetime(2026, 11, 24, 12, tzinfo=BERLIN), 8 * 60),
    ],
)
def test_the_walls_time_counts_when_clocks_change(night: datetime, minutes: int) -> None:
    assert _open_minutes(Span.parse("22:00-06:00"), night, 24) == minutes
