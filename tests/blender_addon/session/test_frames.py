from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orders import an_order
from tegula_blender.session import frames
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.delivery import Delivery, Patch
from tegula_blender.session.frames import Frames
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image
from tegula_market.model import Order, Rect, Tile

REGION = Rect(3, 5, 21, 16)
NAMES = [f"{layer}.Combined.{channel}" for layer in ("A", "B.C") for channel in "RGBA"] + ["A.Depth.Z"]


def order(*, region: Rect | None = None, crop: bool = False) -> Order:
    made = an_order(resolution=(24, 18), tile=8, overscan=2)
    return replace(made, frames=(1, 5), scene=replace(made.scene, region=region, crop=crop))


def picture() -> Image:
    planes = np.random.default_rng(1).random((len(NAMES), 18, 24), np.float32)
    return Image(24, 18, dict(zip(NAMES, planes, strict=True)))


def cut(image: Image, tile: Tile, folder: Path) -> Path:
    r = tile.rendered
    planes = {name: plane[r.y0 : r.y1, r.x0 : r.x1] for name, plane in image.channels.items()}
    exr.write(folder / "tile.exr", Image(r.width, r.height, planes))
    return folder / "tile.exr"


def taken(delivery: Delivery, frame: int) -> tuple[list[Patch], Path | None]:
    return delivery.take(frame, 0)


def made(ordered: Order, folder: Path, layers: tuple[str, ...] = ()) -> tuple[Frames, Delivery]:
    delivery = Delivery(cancel=lambda: None)
    return Frames(ordered, folder / "scene.blend", layers, folder, delivery, None), delivery


@pytest.mark.parametrize(
    ("region", "crop", "size"), [(None, False, (24, 18)), (REGION, False, (24, 18)), (REGION, True, (18, 11))]
)
def test_patches_make_up_what_is_rendered(
    tmp_path: Path, region: Rect | None, crop: bool, size: tuple[int, int]
) -> None:
    ordered, whole = order(region=region, crop=crop), picture()
    gallery, delivery = made(ordered, tmp_path)
    for tile in tiling.split(ordered):
        if tile.frame == 1:
            gallery.paste(tile, cut(whole, tile, tmp_path))
    gallery.finish()
    patches, path = taken(delivery, 1)
    seen = np.zeros((size[1], size[0], 4), np.float32)
    for patch in patches:
        assert set(patch.layers) == {"A", "B.C"}
        seen[patch.rect.y0 : patch.rect.y1, patch.rect.x0 : patch.rect.x1] = patch.layers["B.C"]
    assert path is not None
    stitched = exr.read(path)
    assert (stitched.width, stitched.height) == size
    for at, channel in enumerate("RGBA"):
        assert np.array_equal(stitched.channels[f"B.C.Combined.{channel}"], seen[..., at])
    assert taken(delivery, 5) == ([], None)


def test_frames_are_denoised_together_once_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def denoised(
        _blend: Path, layers: object, paths: list[Path], scratch: Path, _program: object
    ) -> list[Path]:
        assert layers == ("A",)
        assert scratch.is_dir()
        asked.append([path.name for path in paths])
        return [scratch / path.name for path in paths]

    monkeypatch.setattr(frames, "denoised", denoised)
    gallery, delivery = made(order(), tmp_path, ("A",))
    for tile in tiling.split(order()):
        gallery.paste(tile, cut(picture(), tile, tmp_path))
        if tile.index == 0:
            gallery.finish()  # nothing is whole yet
    gallery.finish()
    gallery.finish()
    assert asked == [["frame_0001.exr", "frame_0005.exr"]]
    assert taken(delivery, 5)[1] == tmp_path / "denoised_0001" / "frame_0005.exr"


def test_a_frame_that_cannot_be_denoised_stays_stitched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denoised(*_: object) -> list[Path]:
        raise SceneRefused("Blender ended.")

    monkeypatch.setattr(frames, "denoised", denoised)
    gallery, delivery = made(order(), tmp_path, ("A",))
    for tile in tiling.split(order()):
        gallery.paste(tile, cut(picture(), tile, tmp_path))
    with pytest.raises(SceneRefused):
        gallery.finish()
    assert taken(delivery, 1)[1] is None
    assert (tmp_path / "frame_0001.exr").is_file()
