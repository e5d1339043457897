"""The `tegula` command as a person runs it, and what it leaves behind: processes, temporary files."""

import os
import select
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tegula import programs
from tegula_market.adapters import home

GONE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    stdout: str
    stderr: str


class Command:
    """A run of it, with a temporary folder and a home of its own below `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.scratch = folder / "tmp"
        self.scratch.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [programs.find("tegula"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **programs.environment(),
                "TMPDIR": str(self.scratch),
                home.VARIABLE: str(folder / "home"),
            },
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self.wait()

    def read_until(self, start: str) -> None:
        """Wait for a line of progress; with pipes there is one for each step."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if line.startswith(start):
                return
        raise AssertionError(f"it ended without saying {start!r}: {''.join(said)}")

    def interrupt(self) -> None:
        """Ctrl-C in a terminal, which sends SIGINT to the whole group in the foreground."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()

    def pause(self) -> None:
        """As a laptop that is closed."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> Ended:
        """All that it says from here to its end."""
        stdout, stderr = self._process.communicate()
        return Ended(self._process.returncode, stdout, stderr)


def tegula(folder: Path, *arguments: str) -> Ended:
    """Runs to its end and leaves nothing: no process, no temporary file."""
    with Command(folder, *arguments) as command:
        ended = command.wait()
    assert still_running(command.scratch, seconds=0) == []
    assert list(command.scratch.iterdir()) == []
    return ended


def still_running(scratch: Path, seconds: float = GONE_SECONDS) -> list[str]:
    """Processes that have their temporary files in a folder and do not end within so many seconds.

    Every program here passes TMPDIR on, or a folder below it, so this finds those, too, whose parent is gone.
    """
    while left := _with_scratch(scratch):
        handles = {pid: handle for pid in left if (handle := _handle(pid)) is not None}
        try:
            ended = select.select(list(handles.values()), [], [], seconds)[0] if handles else [None]
        finally:
            for handle in handles.values():
                os.close(handle)
        if not ended:
            return [f"{pid}: {_command(pid)}" for pid in left]
    return []


def _with_scratch(scratch: Path) -> list[int]:
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            said = environ.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or is somebody else's
        if any(line.startswith(f"TMPDIR={scratch}".encode()) for line in said):
            found.append(int(environ.parent.name))
    return found


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "ended just now"
