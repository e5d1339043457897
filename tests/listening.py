"""Somebody on this machine whom a render should not reach, and processes that should not be left."""

import os
import random
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GONE_SECONDS = 30.0


@contextmanager
def listener() -> Iterator[socket.socket]:
    """On a loopback port; `accept` fails at once if nobody has called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def free_port() -> int:
    """On loopback; nobody has it now, and it is none of those that the system hands out by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def called(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def gone(pidfd: int) -> bool:
    """Whether a process has ended, waiting for it up to a minute."""
    with select.epoll() as poll:
        poll.register(pidfd, select.EPOLLIN)
        return bool(poll.poll(timeout=60))


def marked(mark: str) -> list[int]:
    """Processes that were started with a variable of this value."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            said = environ.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or is somebody else's
        if any(line.endswith(f"={mark}".encode()) for line in said):
            found.append(int(environ.parent.name))
    return found


def left(mark: str) -> list[int]:
    """Those of them that do not end by themselves."""
    while pids := marked(mark):
        handles = []
        for pid in pids:
            try:
                handles.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
        try:
            if handles and not select.select(handles, [], [], GONE_SECONDS)[0]:
                return pids
        finally:
            for handle in handles:
                os.close(handle)
    return []
