"""The stress scenes: each builds by its name, can be ordered, and shows something in every part."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BUILD = Path(__file__).parents[2] / "examples" / "stress.py"
LOOK = Path(__file__).with_name("look.py")
NAMES = [
    "caustics",
    "shadow_caustics",
    "portals",
    "many_lights",
    "emissive_texture",
    "deep_bounces",
    "volume",
    "fog",
    "hair",
    "subsurface",
    "displacement",
    "motion_blur",
    "depth_of_field",
    "animation",
    "transparency",
    "holdout",
    "shadow_catcher",
    "passes",
]


def run(*command: str | Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, *map(str, command)], check=False, timeout=300, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What one process found out about all of them."""
    folder = tmp_path_factory.mktemp("stress")
    run(BUILD, "all", folder)
    blends = [folder / f"{name}.blend" for name in NAMES]
    found = [
        json.loads(line.removeprefix("seen ")) for line in run(LOOK, *blends) if line.startswith("seen ")
    ]
    return {scene.pop("name"): scene for scene in found}


def test_the_names_are_printed() -> None:
    assert run(BUILD) == NAMES


def test_one_by_its_name(tmp_path: Path) -> None:
    run(BUILD, "fog", tmp_path / "one.blend")
    assert (tmp_path / "one.blend").stat().st_size > 0


def test_a_name_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BUILD), "teapot", str(tmp_path / "teapot.blend")],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "shadow_catcher" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_scene_is_as_the_others(seen: dict[str, dict], name: str) -> None:
    scene = seen[name]
    assert scene["camera"]
    assert (scene["engine"], scene["device"], scene["plain"]) == ("CYCLES", "CPU", True)
    assert (scene["size"], scene["samples"], scene["seed"]) == ([320, 180], 32, 7)
    assert scene["adaptive"][1] == 0.05
    assert scene["unpacked"] == []


@pytest.mark.parametrize("cheat", ["leave_out", "replace", "blacken"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_cheat_would_save_is_seen(seen: dict[str, dict], name: str, cheat: str) -> None:
    assert seen[name][cheat] > 0.05


@pytest.mark.parametrize("name", NAMES)
def test_no_part_of_the_picture_is_flat(seen: dict[str, dict], name: str) -> None:
    assert seen[name]["spread"] > 0.05


def test_about_half_are_sampled_adaptively(seen: dict[str, dict]) -> None:
    adaptive = sum(scene["adaptive"][0] for scene in seen.values())
    assert abs(adaptive - len(NAMES) / 2) <= 1


def test_the_animation_moves_and_the_passes_have_two_layers(seen: dict[str, dict]) -> None:
    assert seen["animation"]["frames"] == [1, 3]
    assert min(seen["animation"]["moved"]) > 0.05
    assert seen["passes"]["layers"] == 2
