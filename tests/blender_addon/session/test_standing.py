import pytest

from requester_samples import DOLLAR
from tegula_blender.session import standing
from tegula_market.model import Wei


def test_the_time_that_is_left() -> None:
    assert standing.seconds_left(standing.Standing("rendering", 0, 10, since=100.0), now=120.0) is None
    assert standing.seconds_left(standing.Standing("rendering", 4, 10, since=100.0), now=120.0) == 30.0


def test_what_a_job_waits_for_that_is_too_dear_to_be_taken() -> None:
    assert standing.waits(standing.Standing("rendering"), DOLLAR) == ""
    dear = standing.Standing("waiting for a lower price", lowest=Wei(120), ceiling=Wei(100))
    said = "the lowest ask is 0.00012 USD a megasample, and the job pays 0.0001 USD at most"
    assert standing.waits(dear, DOLLAR) == said


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8 s"), (59.6, "1:00 min"), (185, "3:05 min"), (7209, "2:00:09 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert standing.duration(seconds) == text
