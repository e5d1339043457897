"""What the programs' tests do not tell: `end_to_end/test_local.py` runs the whole service."""

import socket
from contextlib import closing

from tegula_coordinator import service


def test_an_answer_is_sent_at_once() -> None:
    """Not 40 ms later: head and body of an answer are two writes."""
    with closing(service._bound("127.0.0.1:0")) as listener:
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
