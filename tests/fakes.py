"""Stand-ins for what a test is not about: small, in memory, and as strict as the real ones."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tegula_market.digests import digest
from tegula_market.model import Digest

TOKEN = "a-token-for-blobs"


class BlobServer:
    """A coordinator's blobs and /v1/about on loopback, in a thread.

    `faults` are used up by the next requests, in order: a status to answer with, "hang up" for a
    connection that breaks off without a word, "half" for one that breaks off in the middle of a blob.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.blobs: dict[Digest, bytes] = {}
        self.about: dict[str, Any] = {}
        self.faults: deque[int | str] = deque()
        self.requests: list[str] = []
        """"METHOD /path" of each, in order."""

    def put(self, data: bytes) -> Digest:
        name = digest(data)
        self.blobs[name] = data
        return name


@contextmanager
def blob_server() -> Iterator[BlobServer]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads = True
    served = BlobServer(f"http://127.0.0.1:{httpd.server_port}")
    _Handler.servers[httpd.server_port] = served
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Handler(BaseHTTPRequestHandler):
    servers: ClassVar[dict[int, BlobServer]] = {}
    protocol_version = "HTTP/1.1"

    @property
    def served(self) -> BlobServer:
        return self.servers[self.server.server_address[1]]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/v1/about":
            self._answer(200, json.dumps(self.served.about).encode())
        elif self._admitted():
            data = self.served.blobs.get(self._digest())
            self._answer(404, b'{"detail": "no such blob here"}') if data is None else self._answer(200, data)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._admitted():
            return
        if digest(data) != self._digest():
            self._answer(422, b'{"detail": "other bytes"}')
            return
        self.served.blobs[self._digest()] = data
        self._answer(201, b"null")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["digests"]
        if self._admitted():
            missing = [d for d in asked if bytes.fromhex(d[2:]) not in self.served.blobs]
            self._answer(200, json.dumps({"missing": missing}).encode())

    def _admitted(self) -> bool:
        self.served.requests.append(f"{self.command} {self.path}")
        if self.served.faults and self.served.faults[0] != "half":
            fault = self.served.faults.popleft()
            self.close_connection = True
            if isinstance(fault, int):
                self._answer(fault, b'{"detail": "as the test wants it"}')
            return False
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, b'{"detail": "want a token"}')
            return False
        return True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.served.faults and self.served.faults[0] == "half":
            self.served.faults.popleft()
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def _digest(self) -> Digest:
        return Digest(bytes.fromhex(self.path.removeprefix("/v1/blobs/0x")))
