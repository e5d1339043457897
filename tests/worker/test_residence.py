"""What processes of known sizes are said to hold."""

import subprocess
import sys

from tegula_worker.residence import resident

MEGABYTE = 1 << 20
HOLDER = "import sys; held = bytearray({0}); print(len(held), flush=True); sys.stdin.read()"
PARENT = """
import subprocess, sys
command = [sys.executable, "-I", "-S", "-c", {0!r}]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), flush=True)
sys.stdin.read()
child.communicate()
"""


def held_by(program: str) -> int:
    command = [sys.executable, "-I", "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        found = resident(process.pid)
        process.communicate()
    return found


def test_what_is_held_is_counted() -> None:
    empty, full = held_by(HOLDER.format(0)), held_by(HOLDER.format(50 * MEGABYTE))
    assert 49 * MEGABYTE < full - empty < 52 * MEGABYTE


def test_children_count() -> None:
    empty, full = (held_by(PARENT.format(HOLDER.format(size))) for size in (0, 50 * MEGABYTE))
    assert 49 * MEGABYTE < full - empty < 52 * MEGABYTE


def test_shared_memory_counts() -> None:
    program = (
        "import mmap, sys; held = mmap.mmap(-1, {0}); held.write(b'x' * {0}); print(1, flush=True);"
        " sys.stdin.read()"
    )
    assert held_by(program.format(50 * MEGABYTE)) > 50 * MEGABYTE


def test_a_process_that_has_ended_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", ""]) as process:
        process.wait()
    assert resident(process.pid) == 0
