"""Files that are missing, or that others could not find; what is found, tests/requester/test_scene.py has."""

from pathlib import Path

import pytest

from pictures import build
from tegula.scene import inspect_scene
from tegula_blender.session.blender import SceneRefused

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    build(made, "texture_gone", "library_absolute", "library_gone", "textured")
    return made


def refused(blend: Path, scratch: Path) -> tuple[str, ...]:
    with pytest.raises(SceneRefused) as caught:
        inspect_scene(blend, scratch=scratch)
    return caught.value.sentences


def test_a_missing_texture_is_named_with_its_path(folder: Path, tmp_path: Path) -> None:
    (said,) = refused(folder / "texture_gone.blend", tmp_path)
    gone = folder / "gone.png"
    assert said.startswith(f"Image 'Gone' wants the file {gone}, which is not there; put it there, pack it")


def test_a_missing_library(folder: Path, tmp_path: Path) -> None:
    said = refused(folder / "library_gone.blend", tmp_path)
    assert (
        f"The library {folder}/lib/near.blend is not there; put it there, or relocate it in Blender." in said
    )


def test_an_absolute_path_in_a_library(folder: Path, tmp_path: Path) -> None:
    packed = inspect_scene(folder / "library_absolute.blend", scratch=tmp_path)
    assert sorted(file.path for file in packed.manifest.files) == [
        "fixed.png",
        "library_absolute.blend",
        "owned.blend",
    ]
    copies = [path for path in packed.sources.values() if path.parent == tmp_path]
    assert copies == [tmp_path / "relative-0.blend"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("seq_*.png", "Sequence"), ("udim.*.png", "udim.1001.png"), ("plate.png", "Plate")],
)
def test_nothing_of_a_sequence_udim_or_plate_is_left(
    folder: Path, tmp_path: Path, pattern: str, name: str
) -> None:
    shots = folder / "art" / "shots"
    hidden = {path: tmp_path / path.name for path in shots.glob(pattern)}
    for path, there in hidden.items():
        path.rename(there)
    try:
        said = refused(shots / "textured.blend", tmp_path)
    finally:
        for path, there in hidden.items():
            there.rename(path)
    assert any(f"Image {name!r} wants the file" in sentence for sentence in said)
