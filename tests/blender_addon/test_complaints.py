"""Every complaint about a scene, as `tegula` tells it."""

from pathlib import Path

import pytest

import gauntlet
import scenes
from pictures import build
from tegula.scene import inspect_scene
from tegula_blender.session.blender import SceneRefused

pytestmark = pytest.mark.slow

FAULTY = {
    "stereo": "stereo, which tiles do not cover; turn Stereoscopy off",
    "osl": "Open Shading Language, which runs scripts; turn it off",
    "no_layer": "No view layer is rendered; turn on Use for Rendering",
    "empty": "nothing to render: no object is visible in renders, and there is no world",
    "animated": "Samples or resolution are animated; .* clear their keyframes",
    "driven": r"'Metal' is driven by a script \('\[x for x .* bake it to keyframes",
    "edited": "The video sequencer has strips .* turn Sequencer off",
    "greedy": "'ViewLayer' sets 99 samples of its own, the scene 8; raise the scene's samples",
    "single": "Render Single Layer is on; turn it off",
    "cached": "Object 'Metal' has a simulation that is not baked; bake it",
}
FAULTY_ELSEWHERE = {
    "no_camera": "The scene has no camera; add one",
    "workbench": "renders with BLENDER_WORKBENCH; set its render engine to Cycles",
    "freestyle": "Freestyle, which runs scripts; turn Freestyle off",
    "guiding": "path guiding, which tiles cannot match; turn it off",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faulty")
    build(made, *FAULTY)
    return made


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_scene(folder: Path, tmp_path: Path, name: str) -> None:
    complains(folder / f"{name}.blend", tmp_path, FAULTY[name])


@pytest.mark.parametrize("name", FAULTY_ELSEWHERE)
def test_what_workers_refuse(folder: Path, tmp_path: Path, name: str) -> None:
    complains(scenes.build(name, folder), tmp_path, FAULTY_ELSEWHERE[name])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("unbaked", "Object 'Plane' has a simulation that is not baked; bake it"),
        ("lost", r"Material 'Shown' is not in its library //lib\.blend; put it back there, or relocate"),
    ],
)
def test_what_no_worker_could_make_up_for(kind: str, tmp_path: Path, sentence: str) -> None:
    complains(gauntlet.build(kind, tmp_path), tmp_path, sentence)


def test_a_picture_that_is_painted_and_not_saved(tmp_path: Path) -> None:
    blend = gauntlet.build("painted", tmp_path)
    answer = gauntlet.pack_open(blend, tmp_path, tmp_path / "native.exr")["answer"]
    assert answer["problems"] == [
        "Image 'wet.png' has changes that are not saved; save it, or pack it (both in the Image menu)."
    ]


def complains(blend: Path, scratch: Path, sentence: str) -> None:
    with pytest.raises(SceneRefused, match=sentence) as caught:
        inspect_scene(blend, scratch=scratch)
    assert len(caught.value.sentences) == 1
    assert caught.value.sentences[0].endswith(".")
