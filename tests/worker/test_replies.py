"""What a child may answer, and what is made of it: a program that answers what the test wants stands in."""

import asyncio
import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import scenes
from tegula_market.model import Rect
from tegula_worker.renderer import RENDER_CHILD, Renderer
from tegula_worker.replies import OF_THE_DEVICE, OF_THE_SCENE, Device, Failure, RenderFailed
from worker.fake_cards import BLENDER, CPU, FIRST, SECOND

STAND_IN = """#!{python} -IS
import os, sys
started = sorted(name for name in os.listdir({folder!r}) if name.endswith(".replies"))[0]
script = os.path.join({folder!r}, started)
answers = open(script).read().splitlines()
os.remove(script)
with os.fdopen(int(sys.argv[-1]), "w", buffering=1) as replies:
    for answer in answers:
        replies.write(answer + "\\n")
        if not sys.stdin.readline():
            break
"""
LOADED, DRAWN = {"seconds": 0.5}, {"seconds": 2.0}


def hello(*devices: Any) -> dict[str, Any]:
    return {
        "blender": BLENDER,
        "devices": [{"kind": each.kind, "name": each.name, "id": each.id} for each in devices],
    }


def refusal(failure: Failure) -> dict[str, str]:
    return {"failure": failure, "sentence": f"it was {failure} that befell us"}


def blender(folder: Path, *starts: list[dict[str, Any]]) -> Path:
    """A program that gives one list of replies each time that it is started, one for each command.

    Before, it is started once to say what is here.
    """
    for number, answers in enumerate((starts[0][:1], *starts)):
        lines = "\n".join(json.dumps(answer) for answer in answers)
        (folder / f"{number}.replies").write_text(lines)
    program = folder / "blender"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def outcomes(program: Path, tries: int, card: Any = FIRST) -> list[Failure | str]:
    """The failure of each try, or the device that rendered."""

    async def run() -> list[Failure | str]:
        found: list[Failure | str] = []
        async with Renderer(program, device=card.kind, card=card.id, sandbox=None) as renderer:
            for _ in range(tries):
                try:
                    arguments = (Path("/scenes"), "a.blend", scenes.SMALL, 1, Rect(0, 0, 8, 8))
                    rendered = await renderer.render(*arguments, program.with_name("image.exr"))
                    found.append(rendered.device)
                except RenderFailed as error:
                    found.append(error.failure)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("failure", Failure)
def test_a_child_says_what_befell_it_and_the_next_one_renders(tmp_path: Path, failure: Failure) -> None:
    good = [hello(CPU, FIRST), LOADED, DRAWN]
    program = blender(tmp_path, [hello(CPU, FIRST), LOADED, refusal(failure)], good)
    assert outcomes(program, 2) == [failure, FIRST.words]


def test_a_card_that_is_gone_after_a_crash_is_lost_and_not_its_twin_used(tmp_path: Path) -> None:
    program = blender(tmp_path, [hello(CPU, FIRST, SECOND), LOADED], [hello(CPU, SECOND)])
    assert outcomes(program, 2) == [Failure.CRASHED, Failure.LOST_DEVICE]


def test_a_card_that_never_was_there_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match=f"no OPTIX device {FIRST.id} here") as caught:
        outcomes(blender(tmp_path, [hello(CPU, SECOND)]), 1)
    assert caught.value.failure is Failure.NO_DEVICE


@pytest.mark.parametrize(
    "odd",
    [hello(CPU) | {"more": 1}, {"blender": BLENDER}, {"seconds": "long"}, refusal(Failure.DRIVER) | {"x": 1}],
)
def test_what_is_no_reply_is_a_crash(tmp_path: Path, odd: dict[str, Any]) -> None:
    assert outcomes(blender(tmp_path, [hello(CPU), odd]), 1, CPU) == [Failure.CRASHED]


def test_the_child_answers_only_failures_that_have_a_name() -> None:
    """The child is a script of its own and cannot import the names, so they are spelled twice."""
    source = Path(RENDER_CHILD).read_text(encoding="utf-8")
    said = set(re.findall(r'Refused\(\s*"(\w+)"', source)) | {"OUT_OF_MEMORY", "NOT_RENDERED"}
    assert said >= OF_THE_SCENE
    assert said <= set(Failure)
    assert f"DEVICES = {tuple(map(str, Device))}".replace("'", '"') in source


def test_no_fault_is_of_the_scene_and_of_the_device() -> None:
    assert not OF_THE_SCENE & OF_THE_DEVICE
