"""Every complaint about a scene, as `tegula` tells it."""

from pathlib import Path

import pytest

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


def complains(blend: Path, scratch: Path, sentence: str) -> None:
    with pytest.raises(SceneRefused, match=sentence) as caught:
        inspect_scene(blend, scratch=scratch)
    assert len(caught.value.sentences) == 1
    assert caught.value.sentences[0].endswith(".")
