"""Programs that look at what lies in deploy/."""

import shutil
import subprocess
import sys

import pytest


def linter(name: str) -> str:
    """Beside this Python, or installed on the system."""
    found = shutil.which(name, path=sys.prefix + "/bin") or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing, so nothing here was linted")
    return found


def run(*command: object) -> str:
    """What it says; it has to be content."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
