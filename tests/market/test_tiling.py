import math
import struct
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tegula_market import tiling
from tegula_market.cutting import MOST_TILES, evens
from tegula_market.model import (
    ETHER,
    Adaptive,
    Address,
    CostMap,
    Digest,
    InvalidValue,
    Order,
    Rect,
    Scene,
    Terms,
    Wei,
)
from tegula_market.tiling import (
    MAX_OVERSCAN,
    MAX_UNITS,
    Border,
    border,
    count,
    frame_size,
    frames,
    overscan_for,
    pixels,
    size,
    split,
)

SCENE = Scene(
    manifest=Digest(bytes(32)),
    blender="4.5.15",
    resolution_x=64,
    resolution_y=36,
    percentage=100,
    region=None,
    crop=False,
    spp=16,
    seed=0,
    adaptive=None,
    view_layers=1,
)
TERMS = Terms(Address(bytes(20)), Address(bytes(20)), Address(bytes(20)), ETHER, 1, 0, bytes(32))
ORDER = Order(TERMS, SCENE, frames=(1,), tile=16, overscan=0, ceiling=Wei(1))


@st.composite
def rects(draw: st.DrawFn, width: int, height: int) -> Rect:
    x0 = draw(st.integers(0, width - 1))
    y0 = draw(st.integers(0, height - 1))
    return Rect(x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height)))


maps = st.integers(1, 3).flatmap(
    lambda columns: st.integers(1, 3).flatmap(
        lambda rows: st.builds(
            CostMap,
            st.just(columns),
            st.lists(st.integers(1, 16), min_size=columns * rows, max_size=columns * rows).map(tuple),
        )
    )
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    scene = replace(
        SCENE,
        resolution_x=draw(st.integers(4, 70)),
        resolution_y=draw(st.integers(4, 70)),
        percentage=draw(st.integers(2, 120)),
        spp=draw(st.integers(1, 9)),
        view_layers=draw(st.integers(1, 3)),
    )
    width, height = (edge * scene.percentage // 100 for edge in (scene.resolution_x, scene.resolution_y))
    assume(width and height)
    region = draw(st.none() | rects(width, height))
    order = replace(
        ORDER,
        scene=replace(scene, region=region),
        frames=tuple(draw(st.lists(st.integers(-3, 9), min_size=1, max_size=3, unique=True))),
        tile=draw(st.integers(1, 40)),
        overscan=draw(st.integers(0, 20)),
    )
    # With a map, a frame of more tiles is refused; none of this size is cut further.
    mapped = evens(frames(order)[0].rect, order.tile) <= MOST_TILES
    return replace(order, costs=draw(st.none() | maps if mapped else st.none()))


@pytest.mark.parametrize(
    ("resolution", "percentage", "expected"),
    [
        ((1920, 1080), 100, (1920, 1080)),
        ((359, 641), 50, (179, 320)),
        ((960, 540), 50, (480, 270)),
        ((4096, 2160), 33, (1351, 712)),
        ((100, 100), 1, (1, 1)),
        ((4, 1000), 25, (1, 250)),
        ((1001, 5), 250, (2502, 12)),
    ],
)
def test_frame_size_truncates(resolution, percentage, expected):
    assert frame_size(*resolution, percentage) == expected


@pytest.mark.parametrize(
    "bad", [(99, 100, 1), (0, 10, 100), (-5, 10, 100), (65536, 16, 101), (65537, 16, 50), (1, 7, 400)]
)
def test_frame_size_refuses_what_blender_cannot_render(bad):
    with pytest.raises(InvalidValue, match="choose a resolution"):
        frame_size(*bad)


@given(orders())
def test_each_pixel_is_in_exactly_one_tile(order):
    tiles = split(order)
    for frame in frames(order):
        covered = Counter(
            (x, y)
            for tile in tiles
            if tile.frame == frame.number
            for x in range(tile.rect.x0, tile.rect.x1)
            for y in range(tile.rect.y0, tile.rect.y1)
        )
        rect = frame.rect
        assert covered == Counter((x, y) for x in range(rect.x0, rect.x1) for y in range(rect.y0, rect.y1))


@given(orders())
def test_without_a_map_tiles_are_numbered_by_frame_and_row_major(order):
    order = replace(order, costs=None)
    tiles = split(order)
    assert [tile.index for tile in tiles] == list(range(len(tiles))) == list(range(count(order)))
    assert sorted(tiles, key=lambda t: (order.frames.index(t.frame), t.rect.y0, t.rect.x0)) == list(tiles)
    start = frames(order)[0].rect
    assert (tiles[0].rect.x0, tiles[0].rect.y0) == (start.x0, start.y0)


def test_without_a_map_tiles_are_where_they_always_were():
    """Older orders are replayed: their tiles must not move."""
    order = replace(ORDER, scene=replace(SCENE, region=Rect(5, 3, 44, 30)), frames=(4, 2))
    left, right, low = (5, 21, 37), (21, 37, 44), (3, 19, 30)
    rects = [Rect(x, y, z, w) for y, w in pairwise(low) for x, z in zip(left, right, strict=True)]
    assert [(tile.index, tile.frame, tile.rect) for tile in split(order)] == [
        (index, 4 if index < 6 else 2, rect) for index, rect in enumerate(rects * 2)
    ]


def test_by_a_map_dear_tiles_are_cut_and_every_frame_begins_with_the_dearest():
    scene = replace(SCENE, resolution_x=384, resolution_y=128)
    order = replace(ORDER, scene=scene, frames=(1, 2), tile=128, costs=CostMap(3, (1, 16, 2)))
    quarters = [Rect(x, y, x + 64, y + 64) for y in (0, 64) for x in (128, 192)]
    frame = [*quarters, Rect(256, 0, 384, 128), Rect(0, 0, 128, 128)]
    assert [(tile.frame, tile.rect) for tile in split(order)] == [(f, r) for f in (1, 2) for r in frame]
    assert count(order) == 12
    assert sum(size(tile, scene) for tile in split(order)) == 2 * 384 * 128 * 16


@given(orders())
def test_a_tile_alone_is_the_one_of_the_split(order):
    assert tuple(tiling.tile(order, index) for index in range(count(order))) == split(order)
    for index in (-1, count(order)):
        with pytest.raises(InvalidValue, match="no tile"):
            tiling.tile(order, index)


@given(orders())
def test_rendered_is_the_rect_and_its_overscan_within_the_frames_rect(order):
    area = frames(order)[0].rect
    for tile in split(order):
        assert tile.rendered.contains(tile.rect)
        assert area.contains(tile.rendered)
        for near, own, limit in (
            (tile.rendered.x0, tile.rect.x0, area.x0),
            (tile.rendered.y0, tile.rect.y0, area.y0),
            (-tile.rendered.x1, -tile.rect.x1, -area.x1),
            (-tile.rendered.y1, -tile.rect.y1, -area.y1),
        ):
            assert near == limit or own - near == order.overscan
        assert max(tile.rect.width, tile.rect.height) <= order.tile


@given(orders())
def test_without_overscan_the_sizes_add_up_to_the_frame(order):
    order = replace(order, overscan=0)
    rect = frames(order)[0].rect
    per_frame = rect.area * order.scene.spp * order.scene.view_layers
    assert sum(size(tile, order.scene) for tile in split(order)) == per_frame * len(order.frames)


def test_overscan_is_paid_work():
    plain, grown = split(ORDER)[0], split(replace(ORDER, overscan=2))[0]
    assert size(plain, SCENE) == 16 * 16 * 16
    assert size(grown, SCENE) == 18 * 18 * 16


@pytest.mark.parametrize(
    "bad",
    [
        replace(ORDER, frames=()),
        replace(ORDER, frames=(1, 2, 1)),
        replace(ORDER, tile=0),
        replace(ORDER, tile=-8),
        replace(ORDER, overscan=-1),
        replace(ORDER, scene=replace(SCENE, region=Rect(0, 0, 65, 36))),
        replace(ORDER, scene=replace(SCENE, spp=0)),
        replace(ORDER, scene=replace(SCENE, spp=-16)),
        replace(ORDER, scene=replace(SCENE, view_layers=0)),
        replace(ORDER, scene=replace(SCENE, adaptive=Adaptive(math.nan, 0))),
        replace(ORDER, scene=replace(SCENE, adaptive=Adaptive(-0.1, 0))),
        replace(ORDER, scene=replace(SCENE, resolution_x=60_000, resolution_y=60_000), tile=1),
    ],
)
def test_orders_that_no_job_can_be_made_of_are_refused(bad):
    with pytest.raises(InvalidValue):
        split(bad)


def test_most_units_are_allowed_and_one_more_is_not():
    row = replace(SCENE, resolution_x=MAX_UNITS // 100, resolution_y=100)
    assert count(replace(ORDER, scene=row, tile=1)) == MAX_UNITS
    with pytest.raises(InvalidValue, match="larger tiles"):
        count(replace(ORDER, scene=replace(row, resolution_y=101), tile=1))


def test_a_map_counts_what_it_cuts():
    scene, costs = replace(SCENE, resolution_x=384, resolution_y=128), CostMap(3, (1, 16, 2))
    many = replace(ORDER, scene=scene, tile=128, costs=costs, frames=tuple(range(MAX_UNITS // 6)))
    assert count(many) == MAX_UNITS // 6 * 6
    with pytest.raises(InvalidValue, match="larger tiles or fewer frames"):
        count(replace(many, frames=tuple(range(MAX_UNITS // 6 + 1))))
    with pytest.raises(InvalidValue, match="leave the map out"):
        count(replace(many, tile=1))


# ---- Blender's border: float32 storage, float32 product, then truncation or rounding


def float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def products(edge: Border, width: int, height: int) -> list[float]:
    pairs = ((edge.min_x, width), (edge.max_x, width), (edge.min_y, height), (edge.max_y, height))
    return [float32(float32(fraction) * length) for fraction, length in pairs]


@st.composite
def placed(draw: st.DrawFn) -> tuple[Rect, int, int]:
    edges = st.integers(1, 16_384) | st.sampled_from([1, 179, 359, 641, 1080, 4096, 8191, 16_383, 16_384])
    percentage = draw(st.sampled_from([100, 99, 50, 33, 7]))
    width, height = (draw(edges) * percentage // 100 for _ in "xy")
    assume(width and height)
    return draw(rects(width, height)), width, height


@given(placed())
@example((Rect(0, 0, 16_384, 16_384), 16_384, 16_384))
@example((Rect(16_383, 16_383, 16_384, 16_384), 16_384, 16_384))
@example((Rect(358, 640, 359, 641), 359, 641))
@example((Rect(0, 0, 1, 1), 1, 1))
def test_a_border_falls_back_onto_its_pixels_by_truncation_and_by_rounding(case):
    rect, width, height = case
    expected = [rect.x0, rect.x1, height - rect.y1, height - rect.y0]
    values = products(border(*case), width, height)
    assert [int(value) for value in values] == expected
    assert [int(value + 0.5) for value in values] == expected
    assert pixels(border(*case), width, height) == rect


@pytest.mark.parametrize("length", [179, 641, 1080, 4097, 16_383, 65_536])
def test_every_edge_of_a_frame_round_trips(length):
    for x in range(length):
        rect = Rect(x, 0, x + 1, 1)
        assert pixels(border(rect, length, 1), length, 1) == rect


@given(placed())
def test_borders_are_what_blender_hands_back(case):
    """RNA clamps to 0..1 and stores float32: a border that changed there would not compare equal."""
    edge = border(*case)
    for value in (edge.min_x, edge.max_x, edge.min_y, edge.max_y):
        assert 0 <= value <= 1
        assert float32(value) == value


def test_the_whole_frame_is_zero_to_one_and_the_origin_is_at_the_bottom():
    assert border(Rect(0, 0, 359, 641), 359, 641) == Border(0.0, 1.0, 0.0, 1.0)
    top = border(Rect(0, 0, 100, 20), 100, 100)
    assert (top.min_x, top.max_x, top.max_y) == (0.0, 1.0, 1.0)
    assert 0.8 < top.min_y < 0.81


@given(st.tuples(*[st.floats(0, 1, width=32)] * 4), st.integers(1, 16_384), st.integers(1, 16_384))
def test_a_scenes_region_survives_being_set_again(fractions, width, height):
    x0, x1, y0, y1 = fractions
    try:
        rect = pixels(Border(min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)), width, height)
    except InvalidValue:
        return
    assert pixels(border(rect, width, height), width, height) == rect


def test_a_region_without_a_pixel_is_refused():
    with pytest.raises(InvalidValue, match="draw a larger one"):
        pixels(Border(0.5, 0.501, 0.0, 1.0), 100, 100)


def test_a_border_outside_the_frame_is_refused():
    with pytest.raises(InvalidValue, match="leaves the frame"):
        border(Rect(0, 0, 11, 10), 10, 10)


# ---- overscan


def checks(min_samples: int, spp: int) -> int:
    """Cycles' need_filter, sample by sample; a check after the last sample changes nothing."""
    return sum(1 for sample in range(spp - 1) if sample > min_samples and sample & 15 == 15)


@given(st.integers(4, 300), st.integers(1, 5000))
def test_overscan_counts_cycles_checks(min_samples, spp):
    assert overscan_for(Adaptive(0.05, min_samples), spp) == min(checks(min_samples, spp), MAX_OVERSCAN)


@given(st.floats(0.0001, 1), st.integers(1, 5000))
def test_automatic_minimum_gives_no_less_overscan_than_cycles_needs(threshold, spp):
    automatic = max(4, int(16 / threshold**0.3))
    assert overscan_for(Adaptive(threshold, 0), spp) == min(checks(automatic, spp), MAX_OVERSCAN)


@pytest.mark.parametrize(
    ("adaptive", "spp", "expected"),
    [
        (None, 4096, 0),
        (Adaptive(0.05, 0), 64, 1),  # automatic minimum 39: one check, after sample 47
        (Adaptive(0.01, 0), 4096, MAX_OVERSCAN),
        (Adaptive(0.01, 0), 128, 3),
        (Adaptive(0.0, 0), 16, 0),
        (Adaptive(0.05, 1), 64, 3),
        (Adaptive(0.05, 15), 64, 2),
    ],
)
def test_overscan_of_common_settings(adaptive, spp, expected):
    assert overscan_for(adaptive, spp) == expected
