"""How much memory a process and all that it has started hold, as Linux tells it."""

from pathlib import Path

HELD = (b"RssAnon:", b"RssShmem:")
"""Lines of /proc/PID/status, in KiB. What is mapped of files is not held: it can be read again."""


def resident(pid: int) -> int:
    """Bytes. Memory that processes share counts for each of them, so it is never too little."""
    held, left = 0, [pid]
    while left:
        process = Path(f"/proc/{left.pop()}")
        try:
            held += _held(process)
            left += _children(process)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return held


def _held(process: Path) -> int:
    lines = process.joinpath("status").read_bytes().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(HELD))


def _children(process: Path) -> list[int]:
    return [int(child) for listed in process.glob("task/*/children") for child in listed.read_bytes().split()]
