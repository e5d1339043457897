"""Runs requests in a Blender of the requester's own: the bpy module, or a Blender program."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import tegula_market
from tegula_market.model import TegulaError

BACKGROUND = str(Path(__file__).resolve().parents[1] / "background.py")
MARKET = str(Path(tegula_market.__path__[0]))
BLENDER_OPTIONS = ("-b", "--factory-startup", "--disable-autoexec", "--python", BACKGROUND, "--")
LONGEST_LINE = 300


class SceneRefused(TegulaError):
    """A scene that cannot be rendered, or a Blender that cannot do it: sentences that say what to do."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def ask(command: str, blender: Path | None, **arguments: Any) -> dict[str, Any]:
    """One request to a Blender that is started for it and has ended when this returns.

    Args:
        command, arguments: as `tegula_blender.background` takes them.
        blender: a Blender program; None is the bpy module of this Python.
    Raises:
        SceneRefused: there is no such Blender, or it could not do it.
    """
    program = [sys.executable, "-I", BACKGROUND] if blender is None else [str(blender), *BLENDER_OPTIONS]
    with tempfile.TemporaryDirectory(prefix="tegula-blender-") as home:
        request, reply, log = (Path(home) / name for name in ("request.json", "reply.json", "log.txt"))
        request.write_text(json.dumps({"command": command, "market": MARKET, **arguments}))
        with log.open("wb") as errors:
            _run([*program, str(request), str(reply)], home, errors)
        if not reply.exists():
            raise SceneRefused(_fate(program[0], log))
        answer: dict[str, Any] = json.loads(reply.read_text())
    if "failure" in answer:
        raise SceneRefused(answer["failure"])
    return answer


def _run(command: list[str], home: str, errors: IO[bytes]) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "BLENDER_"))}
    env["BLENDER_USER_RESOURCES"] = env["TMPDIR"] = home  # it ends too abruptly to tidy up after itself
    try:
        # It ends when its stdin does, so it cannot outlive this process.
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        )
    except OSError as error:
        raise SceneRefused(f"{command[0]} cannot be started ({error.strerror}); name a Blender.") from error
    with process:
        try:
            process.wait()
        except BaseException:
            process.kill()
            raise


def _fate(program: str, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = lines[-1][:LONGEST_LINE] if lines else "nothing"
    if "No module named 'bpy'" in last:
        return "There is no Blender here; pip install bpy, or name a Blender program."
    return f"Blender ({program}) ended before it was done; it said last: {last}"
