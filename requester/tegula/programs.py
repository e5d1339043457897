"""Programs that run beside this one and end with it, even if it is killed."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tegula_market.adapters.children import dies_with_parent
from tegula_market.model import TegulaError

KEPT_LINES = 200
END_SECONDS = 10.0
"""In which a program may end by itself once it is told to."""


class ProgramFailed(TegulaError):
    """A program that did not start, or ended by itself; the message has its last words."""


class Program:
    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.process = process
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, wanted: Callable[[str], bool], seconds: float) -> str:
        """The first line that is wanted, of those that the program has said and will say.

        Raises:
            ProgramFailed: it ended first, or said nothing of the kind in time.
        """
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                found = next(filter(wanted, self._lines), None)
                if found is not None:
                    return found
                left = until - time.monotonic()
                if self._ended or left <= 0:
                    raise ProgramFailed(self._last_words())
                self._changed.wait(left)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._add(line.rstrip("\n"))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    def _last_words(self) -> str:
        said = "\n".join(list(self._lines)[-5:]) or "nothing"
        how = "ended by itself" if self._ended else "is not ready in time"
        return f"the {self.name} {how}; it said last:\n{said}"


@contextmanager
def running(name: str, command: Sequence[str], scratch: Path) -> Iterator[Program]:
    """The program while the body runs. It does not see Ctrl-C: its end is this program's business.

    Args:
        scratch: for its temporary files; a Blender that is killed leaves some.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment(), "TMPDIR": str(scratch)},
        start_new_session=True,
        preexec_fn=dies_with_parent,  # noqa: PLW1509 calls prctl only, which takes no lock
    )
    program = Program(name, process)
    try:
        yield program
    finally:
        program.end()


def output_of(command: Sequence[str]) -> str:
    """What a program that ends by itself prints.

    Raises:
        ProgramFailed: it ended badly.
    """
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        raise ProgramFailed(f"{Path(command[0]).name} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def environment() -> dict[str, str]:
    """Without the settings of another worker on this computer."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEGULA_")}


def find(name: str) -> str:
    """Where an installed command is: beside this Python, or on the PATH.

    Raises:
        ProgramFailed: nowhere.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise ProgramFailed(f"there is no {name} here; install it: pip install 'tegula[local]'")
    return found
