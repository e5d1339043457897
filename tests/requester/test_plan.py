from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requester_samples import order
from tegula import plan
from tegula_market.model import InvalidValue, Rect, Wei


@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(1, 64))
def test_tiles_are_of_a_sensible_size(width: int, height: int, workers: int) -> None:
    edge = plan.tile_edge(Rect(0, 0, width, height), workers)
    assert 64 <= edge <= 512
    assert edge % 16 == 0
    if edge > 64:
        assert width * height >= 4 * workers * edge * edge
    if edge < 512:
        assert width * height < 4 * workers * (edge + 16) ** 2


def test_a_small_frame_for_two_workers() -> None:
    assert plan.tile_edge(Rect(0, 0, 480, 270), workers=2) == 112


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


def test_the_budget_covers_every_tile_at_the_ceiling() -> None:
    # 96x64 in tiles of 32: six of 32*32*16 samples, each rounded up: ceil(0.016384 * 100) = 2
    assert plan.budget(order()) == 12


def test_a_ceiling_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue):
        plan.budget(replace(order(), ceiling=Wei(0)))
