import os
import sys
from pathlib import Path

import pytest

from tegula_blender.session.blender import SceneRefused, ask


def program(folder: Path, script: str) -> Path:
    path = folder / "blender"
    path.write_text(f"#!{sys.executable}\n{script}\n")
    path.chmod(0o755)
    return path


def test_there_is_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match=r"none cannot be started .*; name a Blender"):
        ask("inspect", tmp_path / "none")


def test_a_program_that_dies(tmp_path: Path) -> None:
    dies = program(tmp_path, "import sys; print('hello'); sys.exit('out of luck')")
    with pytest.raises(SceneRefused, match="before it was done; it said last: out of luck"):
        ask("inspect", dies)


def test_a_program_without_bpy(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="There is no Blender here"):
        ask(
            "inspect",
            program(tmp_path, "import sys; sys.exit(\"ModuleNotFoundError: No module named 'bpy'\")"),
        )


def test_what_blender_could_not_do(tmp_path: Path) -> None:
    fails = program(
        tmp_path, 'import pathlib, sys; pathlib.Path(sys.argv[-1]).write_text(\'{"failure": "No."}\')'
    )
    with pytest.raises(SceneRefused) as caught:
        ask("develop", fails)
    assert caught.value.sentences == ("No.",)


def test_a_blender_gets_its_own_settings_and_nobodys_python_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("BLENDER_SYSTEM_SCRIPTS", "/elsewhere")
    answers = "json.dump(dict(os.environ, argv=sys.argv), open(sys.argv[-1], 'w'))"
    told = ask("inspect", program(tmp_path, f"import json, os, sys; {answers}"))
    assert "PYTHONPATH" not in told
    assert "BLENDER_SYSTEM_SCRIPTS" not in told
    assert told["BLENDER_USER_RESOURCES"] != os.environ.get("BLENDER_USER_RESOURCES")
    assert told["argv"][1:4] == ["-b", "--factory-startup", "--disable-autoexec"]
