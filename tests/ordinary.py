"""Runs a test file again as an ordinary user, where the tests run as root."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

NOBODY = 65_534
SYSTEMS_PYTHON = Path("/usr/bin/python3.11")
ROOT = Path(__file__).resolve().parents[1]


def run_again(tests: Path) -> None:
    """All that is in the file but what is called "ordinary"; nothing of it may be skipped."""
    if os.geteuid() != 0:
        pytest.skip("these tests run as an ordinary user already")
    with TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        done = _run(tests, folder)
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in last
    assert "skipped" not in last


def _run(tests: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    run = partial(
        subprocess.run,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    python = str(_python(folder))
    if run([*user, python, "-c", "import bpy, tegula_worker"]).returncode:
        pytest.skip(f"NOT TESTED as an ordinary user: nobody else can read {ROOT} or this Python")
    options = ["-q", "-p", "no:cacheprovider", "--basetemp", str(home / "tmp"), "-k", "not ordinary"]
    return run([*user, python, "-m", "pytest", *options, str(tests)])


def _python(folder: Path) -> Path:
    """This Python, or its packages with the system's if this one lies in root's home."""
    base = Path(sys.base_prefix)
    if all(path.stat().st_mode & 0o005 == 0o005 for path in (base, *base.parents)):
        return Path(sys.executable)
    if not SYSTEMS_PYTHON.is_file():
        pytest.skip(f"NOT TESTED as an ordinary user: {base} is root's own, and there is no {SYSTEMS_PYTHON}")
    copy = folder / "python"
    shutil.copytree(sys.prefix, copy, symlinks=True, copy_function=os.link)
    for name in ("python", "python3", "python3.11"):
        (copy / "bin" / name).unlink(missing_ok=True)
        (copy / "bin" / name).symlink_to(SYSTEMS_PYTHON)
    (copy / "pyvenv.cfg").unlink()
    (copy / "pyvenv.cfg").write_text(f"home = {SYSTEMS_PYTHON.parent}\n")
    return copy / "bin" / "python"
