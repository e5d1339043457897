"""The script as a process: what it does when it cannot, and when it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tegula_blender.session import blender
from tegula_blender.session.blender import BACKGROUND, SceneRefused

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", ["denoise", "develop", "pilot"])
def test_a_scene_that_cannot_be_opened(tmp_path: Path, command: str) -> None:
    (tmp_path / "bad.blend").write_bytes(b"BLENDER-v405" + bytes(100))
    rest = {"denoise": {"images": []}, "develop": {"pictures": [], "percentage": 100}}.get(
        command, {"seconds": 1}
    )
    with pytest.raises(SceneRefused, match=r"bad\.blend cannot be opened"):
        blender.ask(command, None, blend=str(tmp_path / "bad.blend"), **rest)


def test_a_blender_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """Its stdin ends; that is all that a parent who was killed can still say."""
    request, reply = tmp_path / "request", tmp_path / "reply"
    os.mkfifo(request)  # it waits here for a request that never comes
    command = [sys.executable, "-I", BACKGROUND, str(request), str(reply)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process, request.open("w"):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 1
    assert not reply.exists()


def test_a_fault_of_our_own_is_told_by_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="it said last: KeyError: 'no such request'"):
        blender.ask("no such request", None)
