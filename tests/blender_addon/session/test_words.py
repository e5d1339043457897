import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from requester_samples import DOLLAR
from tegula_blender.session import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a second"),
        (1, "1 second"),
        (90, "90 seconds"),
        (240, "4 minutes"),
        (2 * 3600, "2 hours"),
        (86_400 * 9, "9 days"),
        (-3, "less than a second"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_range_of_one_length_is_said_once() -> None:
    assert words.between(239, 241) == "4 minutes"
    assert words.between(30, 240) == "30 seconds to 4 minutes"


@pytest.fixture
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("greenwich")
def test_moments_have_their_day_if_it_is_not_today() -> None:
    now = datetime(2026, 11, 28, 21, 30, tzinfo=UTC).timestamp()
    assert words.moment(now + 3600, now) == "22:30"
    assert words.moment(now + 3 * 3600, now) == "Sun 29 Nov, 00:30"


def test_counts() -> None:
    assert (words.count(1, "worker"), words.count(0, "tile")) == ("1 worker", "0 tiles")
    assert (words.be(1), words.be(2)) == ("is", "are")


def test_amounts() -> None:
    assert words.amounts(1000, 1400, DOLLAR) == "0.001 to 0.0014 USD"
    assert words.amounts(1000, 1000, DOLLAR) == "0.001 USD"


@pytest.mark.parametrize(("said", "told"), [("no", "no."), ("No!", "No!"), ("why? ", "why?"), ("So.", "So.")])
def test_a_message_gets_its_full_stop(said: str, told: str) -> None:
    assert words.sentence(ValueError(said)) == told
