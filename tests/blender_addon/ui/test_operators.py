"""The built extension, installed in a Blender without a window, from its account to the finished picture."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import f12
from pictures import build, picture, pixels
from tegula import local
from tegula.market import Market

pytestmark = pytest.mark.slow

HIDE = """
import sys

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ("OpenEXR", "web3", "eth_account", "tegula", "tegula_blender", "tegula_worker"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden)
"""
"""An artist's Blender has none of these."""

SCRIPT = Path(__file__).with_name("extension.py")
BUILD = Path(__file__).parents[3] / "blender_addon" / "build.py"
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The zip, and the index of a repository with it."""
    out = tmp_path_factory.mktemp("addon")
    where = ["--out", str(out), "--repository", str(out / "repository")]
    done = subprocess.run([sys.executable, str(BUILD), *where], check=True, capture_output=True, text=True)
    made, index = map(Path, done.stdout.split())
    return made, index


@pytest.fixture(scope="module")
def run(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command of the script in a Blender that has the extension, and not what this Python has."""
    home = tmp_path_factory.mktemp("blender")
    bare = tmp_path_factory.mktemp("bare")
    (bare / "sitecustomize.py").write_text(HIDE)

    def call(*arguments: str) -> Any:
        env = {**os.environ, "BLENDER_USER_RESOURCES": str(home), "PYTHONPATH": str(bare)}
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *arguments], env=env, capture_output=True, text=True, check=False
        )
        answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
        assert len(answers) == 1, done.stdout[-3000:] + done.stderr[-3000:]
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(answers[0].removeprefix("ANSWER "))

    assert call("install", str(built[0])) == ["bl_ext.user_default.tegula"]
    return call


@pytest.fixture(scope="module")
def market(run: Run) -> Iterator[Market]:
    with local.market(2, funded=[bytes.fromhex(run("account")[2:])]) as made:  # type: ignore[list-item]
        yield made


def test_a_repository_lists_the_zip_for_every_python_and_platform(built: tuple[Path, Path]) -> None:
    made, index = built
    (entry,) = json.loads(index.read_text())["data"]
    offered = index.parent / entry["archive_url"]
    assert offered.read_bytes() == made.read_bytes()
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}"
    assert (entry["id"], entry["blender_version_min"]) == ("tegula", "4.2.0")
    assert "platforms" not in entry
    with zipfile.ZipFile(made) as zipped:
        wheels = [name for name in zipped.namelist() if name.startswith("wheels/")]
    assert {"ecdsa", "six", "tegula_market"} == {Path(name).name.split("-")[0] for name in wheels}
    assert all(name.endswith("-none-any.whl") for name in wheels)


def test_it_leaves_nothing_when_it_is_off(run: Run) -> None:
    seen = run("leave")
    first, *others = seen["off"]
    assert others == [first, first]
    assert (first["scene"], first["ticks"], first["classes"]) == (False, False, [])
    assert (seen["on"]["scene"], seen["on"]["ticks"]) == (True, True)
    assert "TEGULA_OT_render" in seen["on"]["classes"]


def test_panels_say_how_every_job_stands(run: Run) -> None:
    said = run("draw")
    text = json.dumps(said["full"])
    for words in (
        "0.0001 to 0.0002 tUSD",
        "at most 0.0005 tUSD",
        "3 of 6 tiles",
        "Sentence failed",
        "2 workers ask",
    ):
        assert words in text
    buttons = [entry[1] for entry in said["full"] if entry[0] == "operator"]
    jobs = {"tegula.cancel", "tegula.resume", "tegula.download"}
    assert {"tegula.quote", "tegula.render"} | jobs <= set(buttons)
    assert "Nothing was rendered on Tegula yet." in json.dumps(said["empty"])


@pytest.mark.parametrize("name", ["finished", "denoised", "region", "cropped"])
def test_the_picture_is_f12s_to_the_bit(run: Run, market: Market, tmp_path: Path, name: str) -> None:
    build(tmp_path, name)
    blend = tmp_path / f"{name}.blend"
    done = run("render", market.url, market.token, str(blend), str(tmp_path / "ours.png"))
    assert done["answered"] == ["FINISHED"]
    assert done["engine"] == ["CYCLES", "CYCLES"]
    assert "It cost" in done["sentence"]
    assert done["spent"] > 0
    assert pixels(tmp_path / "ours.png") == pixels(picture(blend, tmp_path / "native.png"))


def test_an_animation_is_f12s_and_so_it_is_once_more_after_a_restart(
    run: Run, market: Market, tmp_path: Path
) -> None:
    build(tmp_path, "changing")
    blend, names = tmp_path / "changing.blend", [f"{frame:02}.exr" for frame in (1, 2, 3)]
    native, ours, again, kept = (tmp_path / name for name in ("native", "ours", "again", "kept"))
    for folder in (native, ours, again, kept):
        folder.mkdir()
    f12.native(f12.HERE, blend, f12.Output(f"{native}/##", "OPEN_EXR_MULTILAYER", (1, 3, 1)))
    where = market.url, market.token, str(blend)
    assert run("animate", *where, f"{ours}/##") == ["FINISHED"]
    assert run("resume", *where, f"{again}/##", str(kept)) == [["FINISHED"]] * 3
    for name in names:
        assert f12.differences(native / name, ours / name) == []
        assert f12.differences(native / name, again / name) == []
    assert sorted(path.name for path in kept.iterdir()) == [f"frame_00{name}" for name in names]


def test_what_goes_wrong_is_a_sentence(run: Run, market: Market, tmp_path: Path) -> None:
    build(tmp_path, "finished")
    said = run("refuse", market.url, market.token, str(tmp_path / "finished.blend"))
    for name, words in {
        "token": "does not know this token",
        "render with a wrong token": "token",
        "offline": "Allow Online Access",
        "nobody": "no coordinator answers",
        "budget": "raise it, or render fewer",
        "funds": "add to it, or lower the budget",
        "freestyle": "turn Freestyle off",
        "no job": "There is no such job here",
    }.items():
        assert words in said[name], said
        assert "Traceback" not in said[name]
