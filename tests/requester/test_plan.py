import pytest

from tegula import plan
from tegula_market.model import InvalidValue


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", (7,)),
        ("1-3", (1, 2, 3)),
        (" 1-2 , 9", (1, 2, 9)),
        ("3,1,3", (3, 1)),
        ("-5--3", (-5, -4, -3)),
        ("0", (0,)),
    ],
)
def test_frames(text: str, frames: tuple[int, ...]) -> None:
    assert plan.parse_frames(text) == frames


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "1..3", "1,", "1-9999999", "٣"])
def test_no_frames(text: str) -> None:
    with pytest.raises(InvalidValue, match="no frames"):
        plan.parse_frames(text)
