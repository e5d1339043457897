from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orders import an_order
from pictures import build, levels_apart, picture, pixels, tiles
from scenes import full_frame
from tegula.finishing import Picture, develop
from tegula.scene import inspect_scene
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.stitching import Canvas
from tegula_market import tiling
from tegula_market.adapters import exr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scenes")
    build(made, "finished", "denoised", "adaptive", "region", "cropped")
    return made


def in_tiles(blend: Path, folder: Path, *, tile: int = 29) -> tuple[Path, Path]:
    """The EXR and the PNG of a frame that was rendered in tiles."""
    packed = inspect_scene(blend, scratch=folder)
    scene = packed.scene
    overscan = tiling.overscan_for(scene.adaptive, scene.spp)
    order = replace(an_order(tile=tile, overscan=overscan), scene=scene)
    canvas, split = Canvas(tiling.frames(order)[0], crop=scene.crop), tiling.split(order)
    assert len(split) > 1
    for each, path in zip(split, tiles(blend, scene, split, folder), strict=True):
        canvas.paste(each, path)
    canvas.save(folder / "frame.exr")
    develop(packed, [Picture(1, folder / "frame.exr", folder / "frame.png")])
    return folder / "frame.exr", folder / "frame.png"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["finished", "region", "cropped"])
def test_the_picture_is_f12s_to_the_bit(folder: Path, tmp_path: Path, name: str) -> None:
    _, png = in_tiles(folder / f"{name}.blend", tmp_path)
    assert pixels(png) == pixels(picture(folder / f"{name}.blend", tmp_path / "native.png"))


@pytest.mark.slow
def test_a_denoised_layer_beside_a_noisy_one_is_f12s_to_the_bit(folder: Path, tmp_path: Path) -> None:
    blend = folder / "denoised.blend"
    stitched, png = in_tiles(blend, tmp_path)
    assert pixels(png) == pixels(picture(blend, tmp_path / "native.png"))
    # The stitched frame stays what was rendered.
    scene = inspect_scene(blend, scratch=tmp_path).scene
    plain = full_frame(blend, scene, 1, tmp_path / "plain.exr")
    whole, pasted = exr.read(plain), exr.read(stitched)
    assert whole.channels.keys() == pasted.channels.keys()
    for name, plane in whole.channels.items():
        assert np.array_equal(plane.view(np.uint32), pasted.channels[name].view(np.uint32)), name


@pytest.mark.slow
def test_denoised_with_adaptive_sampling_is_f12s_but_for_rounding(folder: Path, tmp_path: Path) -> None:
    _, png = in_tiles(folder / "adaptive.blend", tmp_path)
    native = picture(folder / "adaptive.blend", tmp_path / "native.png")
    assert levels_apart(png, native) <= 1


@pytest.mark.slow
def test_a_frame_of_another_size_is_no_picture(folder: Path, tmp_path: Path) -> None:
    stitched, png = in_tiles(folder / "finished.blend", tmp_path)
    png.unlink()
    packed = inspect_scene(folder / "finished.blend", scratch=tmp_path, scale=50)
    with pytest.raises(SceneRefused, match="dimensions don't match"):
        develop(packed, [Picture(1, stitched, png)])
    assert not list(tmp_path.glob("**/*.png"))
    assert not list(tmp_path.glob(".tegula-*"))
