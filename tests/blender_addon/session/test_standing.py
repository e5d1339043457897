import pytest

from tegula_blender.session import standing


def test_the_time_that_is_left() -> None:
    assert standing.seconds_left(standing.Standing("rendering", 0, 10, since=100.0), now=120.0) is None
    assert standing.seconds_left(standing.Standing("rendering", 4, 10, since=100.0), now=120.0) == 30.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8 s"), (59.6, "1:00 min"), (185, "3:05 min"), (7209, "2:00:09 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert standing.duration(seconds) == text
