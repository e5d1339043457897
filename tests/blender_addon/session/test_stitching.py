from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders import an_order
from tegula_blender.session.stitching import Canvas, MismatchedTile
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image, UnreadableImage
from tegula_market.model import Frame, Rect, Tile

NAMES = ("View.Layer.Combined.R", "View.Layer.Depth.Z", "View.Layer.Vector.X", "Two.IndexOB.X")


def noise(width: int, height: int, seed: int = 0) -> Image:
    """Any bits at all: NaNs with their payloads, denormals, infinities."""
    bits = np.random.default_rng(seed).integers(0, 2**32, (len(NAMES), height, width), np.uint32)
    planes = dict(zip(NAMES, bits.view(np.float32), strict=True))
    return Image(width, height, planes, {"BlenderMultiChannel": "yes", "cycles.samples": "16"})


def cut(image: Image, tile: Tile, folder: Path) -> Path:
    r = tile.rendered
    planes = {name: plane[r.y0 : r.y1, r.x0 : r.x1] for name, plane in image.channels.items()}
    path = folder / f"{tile.index}.exr"
    exr.write(path, Image(r.width, r.height, planes, {**image.text, "RenderTime": f"{tile.index} s"}))
    return path


def same(one: Image, other: Image) -> bool:
    assert one.channels.keys() == other.channels.keys()
    return all(
        np.array_equal(plane.view(np.uint32), other.channels[name].view(np.uint32))
        for name, plane in one.channels.items()
    )


@given(
    size=st.tuples(st.integers(4, 40), st.integers(4, 40)),
    tile=st.integers(3, 50),
    overscan=st.integers(0, 9),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_pasted_in_any_order_tiles_are_the_frame_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, size: tuple[int, int], tile: int, overscan: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    order = an_order(resolution=size, tile=tile, overscan=overscan)
    whole, tiles = noise(*size, seed), list(tiling.split(order))
    Random(seed).shuffle(tiles)
    canvas = Canvas(tiling.frames(order)[0], crop=False)
    for each in tiles:
        assert not canvas.complete
        canvas.paste(each, cut(whole, each, folder))
    assert canvas.complete
    canvas.save(folder / "frame.exr")
    stitched = exr.read(folder / "frame.exr")
    assert same(stitched, whole)
    assert stitched.text["cycles.samples"] == "16"
    assert len(tiles) == 1 or "RenderTime" not in stitched.text


REGION = Rect(3, 5, 21, 16)


@pytest.fixture
def stitched_region(tmp_path: Path) -> dict[bool, Image]:
    """A render region, by whether the frame is cropped to it."""
    order, whole = an_order(resolution=(30, 20), tile=8, overscan=2, region=REGION), noise(30, 20)
    found = {}
    for crop in (False, True):
        canvas = Canvas(tiling.frames(order)[0], crop=crop)
        for tile in tiling.split(order):
            canvas.paste(tile, cut(whole, tile, tmp_path))
        canvas.save(tmp_path / "region.exr")
        found[crop] = exr.read(tmp_path / "region.exr")
    return found


def test_a_cropped_frame_is_the_region(stitched_region: dict[bool, Image]) -> None:
    whole, cropped = noise(30, 20), stitched_region[True]
    assert (cropped.width, cropped.height) == (18, 11)
    planes = {name: plane[5:16, 3:21] for name, plane in whole.channels.items()}
    assert same(cropped, Image(18, 11, {n: np.ascontiguousarray(p) for n, p in planes.items()}))


def test_around_a_region_stands_what_blender_puts_there(stitched_region: dict[bool, Image]) -> None:
    full, cropped = stitched_region[False], stitched_region[True]
    assert (full.width, full.height) == (30, 20)
    for name, outside in zip(NAMES, (0, 1e11, 1e4, 0), strict=True):
        plane = full.channels[name].copy()
        assert np.array_equal(plane[5:16, 3:21].view("u4"), cropped.channels[name].view("u4"))
        plane[5:16, 3:21] = outside
        assert (plane == np.float32(outside)).all()


FRAME = Frame(1, 16, 8, Rect(0, 0, 16, 8))
LEFT = Tile(0, 1, Rect(0, 0, 8, 8), Rect(0, 0, 8, 8))
RIGHT = Tile(1, 1, Rect(8, 0, 16, 8), Rect(6, 0, 16, 8))


@pytest.fixture
def canvas(tmp_path: Path) -> Canvas:
    begun = Canvas(FRAME, crop=False)
    begun.paste(LEFT, cut(noise(16, 8), LEFT, tmp_path))
    return begun


def test_a_tile_of_another_size(canvas: Canvas, tmp_path: Path) -> None:
    with pytest.raises(MismatchedTile, match="has 8 x 8 pixels, not 10 x 8"):
        canvas.paste(RIGHT, cut(noise(16, 8), LEFT, tmp_path))


def test_a_tile_too_large_for_its_limits(canvas: Canvas, tmp_path: Path) -> None:
    exr.write(tmp_path / "large.exr", noise(99, 8))
    with pytest.raises(UnreadableImage, match="99 x 8"):
        canvas.paste(RIGHT, tmp_path / "large.exr")


def test_a_tile_without_a_pass(canvas: Canvas, tmp_path: Path) -> None:
    less = noise(10, 8)
    del less.channels["View.Layer.Depth.Z"]
    exr.write(tmp_path / "less.exr", less)
    with pytest.raises(MismatchedTile, match=r"differs from others in 'View\.Layer\.Depth\.Z'"):
        canvas.paste(RIGHT, tmp_path / "less.exr")


def test_a_tile_twice(canvas: Canvas, tmp_path: Path) -> None:
    with pytest.raises(MismatchedTile, match="there already"):
        canvas.paste(LEFT, cut(noise(16, 8), LEFT, tmp_path))


@pytest.mark.parametrize(
    "tile", [Tile(1, 2, RIGHT.rect, RIGHT.rendered), Tile(1, 1, *[Rect(8, 0, 17, 8)] * 2)]
)
def test_a_tile_of_another_frame(canvas: Canvas, tmp_path: Path, tile: Tile) -> None:
    with pytest.raises(MismatchedTile, match="no part of frame 1"):
        canvas.paste(tile, tmp_path / "never read")


def test_no_image_at_all(canvas: Canvas, tmp_path: Path) -> None:
    (tmp_path / "bad.exr").write_bytes(b"no image")
    with pytest.raises(UnreadableImage):
        canvas.paste(RIGHT, tmp_path / "bad.exr")


def test_a_refused_tile_leaves_no_trace(canvas: Canvas, tmp_path: Path) -> None:
    with pytest.raises(MismatchedTile):
        canvas.paste(RIGHT, cut(noise(16, 8), LEFT, tmp_path))
    canvas.paste(RIGHT, cut(noise(16, 8), RIGHT, tmp_path))
    canvas.save(tmp_path / "frame.exr")
    assert same(exr.read(tmp_path / "frame.exr"), noise(16, 8))


def test_a_frame_with_a_hole_is_not_written(canvas: Canvas, tmp_path: Path) -> None:
    with pytest.raises(MismatchedTile, match="still wants 64 pixels"):
        canvas.save(tmp_path / "frame.exr")
    assert not (tmp_path / "frame.exr").exists()
