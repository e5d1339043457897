"""A stretch of network that can be cut: forwards TCP connections, and ends all of them at once when told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST = 1 << 16
RESET = b"\1\0\0\0\0\0\0\0"
"""struct linger: whoever is connected hears of the end at once."""


class Wire:
    """
    Args:
        port: on loopback, to which connections go on.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._turn = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """Ends what is connected; new connections go through. How many there were."""
        with self._turn:
            ended = list(self._open)
        for each in ended:
            with suppress(OSError):  # it has ended by itself
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                each.shutdown(socket.SHUT_RDWR)
        return len(ended) // 2

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        with near:
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:  # nobody is there just now, and whoever has dialled sees that
                return
            with far, self._held(near, far):
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()

    @contextmanager
    def _held(self, *ends: socket.socket) -> Iterator[None]:
        with self._turn:
            self._open.update(ends)
        try:
            yield
        finally:
            with self._turn:
                self._open.difference_update(ends)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(LONGEST):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
