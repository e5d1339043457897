"""What inspecting leaves behind, and what it refuses to read; its answers are in tests/requester."""

from pathlib import Path
from typing import Any

import pytest

from pictures import build
from tegula_blender.session import blender
from tegula_blender.session.packed import pack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("packing")
    build(made, "denoised", "absolute", "later")
    return made


def inspect(blend: Path) -> dict[str, Any]:
    return blender.ask("inspect", None, blend=str(blend), samples=None, percentage=None)


def test_a_scene_that_lies_well_is_not_copied(folder: Path) -> None:
    found = inspect(folder / "denoised.blend")
    assert {found[key] for key in ("blend", "here", "bytes")} == {str(folder / "denoised.blend")}
    assert found["problems"] == found["files"] == found["absolute"] == []


def test_only_view_layers_that_want_it_are_denoised(folder: Path) -> None:
    scene = inspect(folder / "denoised.blend")["scene"]
    assert (scene["view_layers"], scene["denoised"]) == (2, ["ViewLayer"])


def test_the_artists_folder_is_only_read(folder: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    found = inspect(folder / "absolute.blend")
    assert found["absolute"] == [str(folder / "absolute.blend")]
    made = pack(found, scratch=tmp_path, blender=None)
    assert made.original == folder / "absolute.blend"
    assert tmp_path / "relative-0.blend" in made.sources.values()
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_scene_of_a_later_blender(folder: Path) -> None:
    (said,) = inspect(folder / "later.blend")["problems"]
    assert said.startswith("The scene was saved by Blender 4.9, of which Blender 4.5 would lose a part")


def test_a_file_that_blender_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "bad.blend").write_bytes(b"BLENDER-v405" + bytes(100))
    (said,) = inspect(tmp_path / "bad.blend")["problems"]
    assert said.startswith("bad.blend cannot be opened (")
