import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orders import an_order
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.dashboard.previews import LONGEST, NoPreview, Previews, encoded
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.adapters.exr import Plane
from tegula_market.digests import digest
from tegula_market.model import Digest, Tile

NAMES = [f"ViewLayer.Combined.{colour}" for colour in "RGBA"]


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.blobs = BlobFolder(folder / "blobs", 10**8)
        self.blobs.begin()
        self.folder = folder
        self.previews = Previews(folder / "previews", self.blobs)

    def put(self, data: bytes) -> Digest:
        path = self.blobs.path(digest(data))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return digest(data)

    def image(self, channels: dict[str, Plane]) -> Digest:
        height, width = next(iter(channels.values())).shape
        exr.write(self.folder / "made.exr", exr.Image(width, height, channels))
        return self.put((self.folder / "made.exr").read_bytes())

    def shown(self, image: Digest, tile: Tile) -> Image.Image:
        with Image.open(asyncio.run(self.previews.of(image, tile))) as picture:
            picture.load()
            return picture


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_tile_is_shown_in_srgb_without_its_overscan(shelf: Shelf) -> None:
    tile = tiling.tile(an_order(resolution=(64, 64), tile=32, overscan=4), 3)
    assert tile.rendered.width == 36
    plane = np.full((36, 36), 0.5, np.float32)
    plane[:4], plane[:, :4] = np.nan, np.inf  # overscan, of which nothing may be seen
    picture = shelf.shown(shelf.image(dict.fromkeys(NAMES, plane)), tile)
    assert (picture.size, picture.format) == ((32, 32), "PNG")
    assert np.unique(np.asarray(picture)).tolist() == [188]  # 0.5 of the light is 73.5 % of sRGB


def test_light_is_encoded_as_the_standard_says_and_no_number_is_black() -> None:
    light = np.array([0, 0.0031308, 0.214041, 1, 7, -1, np.nan, np.inf, -np.inf], np.float32)
    assert encoded(light).tolist() == [0, 10, 127, 255, 255, 0, 0, 255, 0]


def test_a_large_tile_is_made_small(shelf: Shelf) -> None:
    tile = tiling.tile(an_order(resolution=(1030, 300), tile=1030), 0)
    picture = shelf.shown(shelf.image(dict.fromkeys(NAMES, np.zeros((300, 1030), np.float32))), tile)
    assert picture.size == (LONGEST, 149)


def test_it_is_made_once(shelf: Shelf) -> None:
    tile = tiling.tile(an_order(), 0)
    image = shelf.image(dict.fromkeys(NAMES, np.zeros((32, 32), np.float32)))
    shelf.shown(image, tile)
    shelf.blobs.path(image).unlink()
    assert shelf.shown(image, tile).size == (32, 32)


def test_one_that_a_kill_left_half_made_goes_with_the_next_start(shelf: Shelf, tmp_path: Path) -> None:
    tile = tiling.tile(an_order(), 0)
    image = shelf.image(dict.fromkeys(NAMES, np.zeros((32, 32), np.float32)))
    shelf.shown(image, tile)
    (left := tmp_path / "previews" / ".partial-of-a-kill").touch()
    again = Shelf(tmp_path)
    assert not left.exists()
    again.blobs.path(image).unlink()
    assert again.shown(image, tile).size == (32, 32)


def test_the_same_image_at_a_frames_edge_is_another_picture(shelf: Shelf) -> None:
    order = an_order(resolution=(40, 40), tile=20, overscan=4)
    plane = np.zeros((24, 24), np.float32)
    plane[:20, :20] = 1
    image = shelf.image(dict.fromkeys(NAMES, plane))
    whites = [np.count_nonzero(shelf.shown(image, tiling.tile(order, n)).convert("L")) for n in (0, 3)]
    assert whites == [400, 256]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no image at all", "not an OpenEXR file"),
        (None, "No such file"),
        ({"ViewLayer.Depth.V": (32, 32)}, "no Combined pass"),
        (dict.fromkeys(NAMES, (64, 64)), "64 x 64"),
    ],
)
def test_what_cannot_be_shown_is_explained(
    shelf: Shelf, data: bytes | dict[str, tuple[int, int]] | None, says: str
) -> None:
    match data:
        case None:
            image = Digest(bytes(32))
        case bytes():
            image = shelf.put(data)
        case _:
            image = shelf.image({name: np.zeros(size, np.float32) for name, size in data.items()})
    with pytest.raises(NoPreview, match=says):
        asyncio.run(shelf.previews.of(image, tiling.tile(an_order(), 0)))
    assert not list((shelf.folder / "previews").glob("*"))
