"""Pictures that come through the engine are F12's own: every pixel, channel and word in their headers."""

from pathlib import Path

import pytest

import f12
from f12 import HERE, LATER, Blender, Output, differences
from pictures import build

Frames = tuple[int, int, int] | None
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[HERE, LATER], ids=lambda blender: blender.name)
def blender(request: pytest.FixtureRequest) -> Blender:
    return f12.present(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scenes")
    build(made, "finished", "denoised", "region", "cropped", "full", "changing", "corner", "cut_corner")
    return made


def both(
    blender: Blender, blend: Path, folder: Path, *files: tuple[str, str], frames: Frames = None
) -> tuple[Path, Path]:
    """Folders with what F12 writes, and with what comes through Tegula."""
    native, tegula = folder / "native", folder / "tegula"
    for made in (native, tegula):
        made.mkdir()
    outputs = {
        made: [Output(f"{made}/{name}", kind, frames) for name, kind in files] for made in (native, tegula)
    }
    f12.native(blender, blend, *outputs[native])
    f12.through_tegula(blender, blend, folder / "job", *outputs[tegula])
    return native, tegula


@pytest.mark.parametrize("name", ["finished", "denoised", "region", "cropped", "full"])
def test_a_still(blender: Blender, folder: Path, tmp_path: Path, name: str) -> None:
    files = [("a.png", "PNG"), ("a.exr", "OPEN_EXR_MULTILAYER")]
    native, tegula = both(blender, folder / f"{name}.blend", tmp_path, *files)
    for file, _ in files:
        assert differences(native / file, tegula / file) == []


@pytest.mark.parametrize("name", ["corner", "cut_corner"])
def test_tiles_are_shown_in_their_places(blender: Blender, folder: Path, tmp_path: Path, name: str) -> None:
    pictures = tmp_path / "native.png", tmp_path / "shown.png"
    native, shown = (Output(str(picture), "PNG") for picture in pictures)
    f12.native(blender, folder / f"{name}.blend", native)
    f12.through_tegula(blender, folder / f"{name}.blend", tmp_path / "job", shown, command="patches")
    assert differences(*pictures) == []


def test_an_animation_with_a_step(blender: Blender, folder: Path, tmp_path: Path) -> None:
    files = [("a_##", "PNG"), ("b_##", "OPEN_EXR_MULTILAYER")]
    native, tegula = both(blender, folder / "changing.blend", tmp_path, *files, frames=(1, 5, 2))
    names = sorted(path.name for path in native.iterdir())
    assert names == ["a_01.png", "a_03.png", "a_05.png", "b_01.exr", "b_03.exr", "b_05.exr"]
    assert sorted(path.name for path in tegula.iterdir()) == names
    for name in names:
        assert differences(native / name, tegula / name) == []
