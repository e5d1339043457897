"""Stand-ins for what a test is not about: small, in memory, and as strict as the real ones.

`test_fakes.py` holds them against the real ones.
"""

import asyncio
import errno
import json
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tegula_market import vouchers
from tegula_market.adapters import chain, roots, signing
from tegula_market.adapters.chain import Account, Payment, Root, Status
from tegula_market.adapters.signing import Key
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    LeaseId,
    Rect,
    Scene,
    SignedVoucher,
    Terms,
    Wei,
    lease_id,
)
from tegula_market.vouchers import Domain
from tegula_worker.renderer import Rendered, RenderFailed

TOKEN = "a-token-for-blobs"
GAS = 70_000
"""That a claim takes."""


HELD_SECONDS = 120.0
"""At most, so that a test that fails comes to an end."""


class BlobServer:
    """A coordinator's blobs and /v1/about on loopback, in a thread.

    `faults` are used up by the next requests, in order: a status to answer with, "hang up" for a
    connection that breaks off without a word, "half" for one that breaks off in the middle of a blob.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.blobs: dict[Digest, bytes] = {}
        self.evidence: dict[LeaseId, bytes] = {}
        self.about: dict[str, Any] = {}
        self.faults: deque[int | str] = deque()
        self.requests: list[str] = []
        """"METHOD /path" of each, in order."""
        self.held: dict[str, Held] = {}
        """Requests that are answered only once the test lets them, by "METHOD /path" or "METHOD"."""

    def hold(self, what: str) -> "Held":
        return self.held.setdefault(what, Held())

    def put(self, data: bytes) -> Digest:
        name = digest(data)
        self.blobs[name] = data
        return name


class Held:
    def __init__(self) -> None:
        self.came, self.go = threading.Event(), threading.Event()


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


class FakeEscrow:
    """The escrow contract and balances, as `chain.Escrow` shows them; `away` makes it unreachable."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.away = False
        self.authentic = True
        self.price = Wei(0)
        """Of a unit of gas, which is nothing unless a test is about fees."""
        self.now = 0
        """Of the newest block, in Unix seconds."""
        self.roots: dict[JobId, Root] = {}
        self._balances: dict[tuple[Address, Address], Wei] = {}
        self._payments: dict[JobId, list[Payment]] = {}
        self._accounts: dict[JobId, Account] = {}
        self._claimed: dict[tuple[JobId, Address], Wei] = {}
        self._changed = threading.Condition()

    def genuine(self) -> bool:
        return self.authentic

    def settle(self, _key: Key) -> None:
        self._reach()

    def open(self, terms: Terms, amount: Wei, _key: Key) -> bytes | None:
        self._reach()
        job = chain.job_id(terms)
        if job in self._accounts:
            return None
        self._accounts[job] = Account(amount, Wei(0), Status.OPEN)
        return job

    def account(self, job: JobId) -> Account:
        self._reach()
        return self._accounts.get(job, Account(Wei(0), Wei(0), Status.NONE))

    def claimed(self, job: JobId, worker: Address) -> Wei:
        self._reach()
        return self._claimed.get((job, worker), Wei(0))

    def claim(self, terms: Terms, signed: SignedVoucher, _key: Key) -> bytes | None:
        voucher = signed.voucher
        rise = voucher.cumulative - self.claimed(voucher.job, voucher.worker)
        if rise <= 0:
            return None
        payload = vouchers.voucher_payload(self.domain, voucher)
        if signing.recover(payload, signed.signer_signature) != terms.signer:
            raise chain.Refused("the requester's session key has not signed this")
        if signing.recover(payload, signed.coordinator_signature) != terms.coordinator:
            raise chain.Refused("the coordinator has not signed this")
        account = self.account(voucher.job)
        if chain.job_id(terms) != voucher.job or account.paid + rise > account.funded:
            raise chain.Refused("the deposit does not cover this")
        return self._pay(terms, voucher.job, voucher.worker, Wei(rise))

    def _pay(self, terms: Terms, job: JobId, worker: Address, rise: Wei) -> bytes:
        account = self.account(job)
        self._accounts[job] = replace(account, paid=Wei(account.paid + rise))
        total = self._claimed[job, worker] = Wei(self.claimed(job, worker) + rise)
        self.give(terms.token, worker, rise)
        tx = digest(repr((job, worker, total)).encode())
        with self._changed:
            self._payments.setdefault(job, []).append(Payment(worker, rise, tx))
            self._changed.notify_all()
        return tx

    def claim_gas(self, _terms: Terms, _signed: SignedVoucher, _sender: Address) -> int:
        self._reach()
        return GAS

    def gas_price(self) -> Wei:
        self._reach()
        return self.price

    def spent(self, _tx: bytes) -> Wei:
        return Wei(GAS * self.price)

    def balance(self, token: Address, owner: Address) -> Wei:
        self._reach()
        return self._balances.get((token, owner), Wei(0))

    def give(self, token: Address, owner: Address, amount: int) -> None:
        self._balances[token, owner] = Wei(self._balances.get((token, owner), 0) + amount)

    def transfer_gas(self, _token: Address, _to: Address, _amount: Wei, _sender: Address) -> int:
        self._reach()
        return GAS

    def transfer(self, token: Address, to: Address, amount: Wei, key: Key) -> bytes:
        self._reach()
        if self.balance(token, key.address) < amount:
            raise chain.Refused("the account does not hold so much")
        self.give(token, key.address, -amount)
        self.give(token, to, amount)
        return digest(repr((token, to, amount)).encode())

    def payments(self, job: JobId) -> list[Payment]:
        return self._payments.get(job, [])

    def empty(self, job: JobId) -> None:
        """As if the deposit had been refunded."""
        self._accounts[job] = Account(Wei(0), Wei(0), Status.REFUNDED)

    def root(self, job: JobId) -> Root | None:
        self._reach()
        return self.roots.get(job)

    def time(self) -> int:
        self._reach()
        return self.now

    def claim_root(
        self, terms: Terms, worker: Address, cumulative: Wei, proof: Sequence[bytes], _key: Key
    ) -> bytes | None:
        job = chain.job_id(terms)
        rise, root = cumulative - self.claimed(job, worker), self.root(job)
        if rise <= 0:
            return None
        if root is None or not roots.proves(root.hash, roots.leaf(job, worker, cumulative), proof):
            raise chain.Refused("the job's root says nothing of the kind")
        if self.now < root.final_at:
            raise chain.Refused("it is too early")
        if rise > root.reserved:
            raise chain.Refused("the deposit does not cover this")
        self.roots[job] = replace(root, reserved=Wei(root.reserved - rise))
        return self._pay(terms, job, worker, Wei(rise))

    def claim_root_gas(self, *_: object) -> int:
        self._reach()
        return GAS

    def pay_out(self, job: JobId) -> None:
        """As if a voucher of somebody else's had taken all of the deposit."""
        account = self._accounts[job]
        self._accounts[job] = Account(account.funded, account.funded, account.status)

    def await_payment(self, job: JobId, amount: int, seconds: float) -> bool:
        """Blocks until so much of the job is paid."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(p.amount for p in self.payments(job)) >= amount, seconds
            )

    def _reach(self) -> None:
        if self.away:
            raise chain.Unreachable("no answer from the chain")


class FakeRenderer:
    """Renders nothing: an image is a few bytes that tell what was asked for.

    `going` is cleared to hold renders up; `failure` makes the next one fail.
    Another `kernel` gives other bits.
    """

    blender_version = "4.5.15"
    device_name = "CPU of a test"

    def __init__(self, kernel: bytes = b"") -> None:
        self.kernel = kernel
        self.closed = False
        self.going = asyncio.Event()
        self.going.set()
        self.failure: RenderFailed | None = None
        self.begun: asyncio.Queue[tuple[int, Rect]] = asyncio.Queue()
        self.cancelled = asyncio.Event()
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running, self.closed = False, True

    async def render(
        self, folder: Path, blend: str, _scene: Scene, frame: int, rect: Rect, out: Path
    ) -> Rendered:
        self.begun.put_nowait((frame, rect))
        try:
            await self.going.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        await asyncio.to_thread(_draw, self.kernel, folder / blend, frame, rect, out)
        return Rendered(out, 0.5, 0.25, self.device_name, self.blender_version)


def _draw(kernel: bytes, blend: Path, frame: int, rect: Rect, out: Path) -> None:
    out.write_bytes(image_of(kernel + blend.read_bytes(), frame, rect))


def image_of(blend: bytes, frame: int, rect: Rect) -> bytes:
    return blend + repr((frame, rect)).encode()


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
            data = self._blob() if self.path.startswith("/v1/blobs/") else self._evidence()
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
        for what in (self.command, f"{self.command} {self.path}"):
            if what in self.served.held:
                self.served.held[what].came.set()
                self.served.held[what].go.wait(HELD_SECONDS)
        if self.served.faults and self.served.faults[0] != "half":
            fault = self.served.faults.popleft()
            self.close_connection = True
            if isinstance(fault, int):
                self._answer(fault, b'{"detail": "as the test wants it"}')
            elif fault == "page":
                self._answer(500, b"<html>Internal Server Error</html>")
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

    def _blob(self) -> bytes | None:
        return self.served.blobs.get(self._digest())

    def _evidence(self) -> bytes | None:
        match self.path.split("/")[2:]:
            case ["jobs", job, "units", unit, "attempts", attempt, "evidence"]:
                lease = lease_id(JobId(bytes.fromhex(job[2:])), int(unit), int(attempt))
                return self.served.evidence.get(lease)
        return None

    def _digest(self) -> Digest:
        return Digest(bytes.fromhex(self.path.removeprefix("/v1/blobs/0x")))


class FullDisk:
    """No new file or folder in `folder` while it is `full`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.full = True
        self._folder = folder
        for name in ("mkstemp", "mkdtemp"):
            patch.setattr(tempfile, name, self._unless_full(getattr(tempfile, name)))

    def _unless_full(self, make: Any) -> Any:
        def made(suffix: Any = None, prefix: Any = None, dir: Any = None, *rest: Any) -> Any:  # noqa: A002
            if self.full and Path(dir or "/").is_relative_to(self._folder):
                raise OSError(errno.ENOSPC, "No space left on device")
            return make(suffix, prefix, dir, *rest)

        return made
