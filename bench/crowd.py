"""Many simulated workers in one process: they ask for every job, and answer each lease with the same image.

What they cost is not what is measured, so they have no event loop of asyncio and no strict decoder: one epoll
over the sockets' descriptors. Signatures are real, the coordinator looks at each.

Orders come as lines of JSON on stdin: {"seconds": …} that a tile takes from now on, {"report": true}. What
happens is told the same way on stdout; times are of the machine's monotonic clock, which all processes share.
"""

import heapq
import json
import os
import select
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import zmq
from zmq.utils import z85

from tegula_market import codec, messages, vouchers
from tegula_market.adapters import signing
from tegula_market.adapters.wire import CurveKeys
from tegula_market.model import Address, Digest, Wei, WorkerId, lease_parts
from tegula_market.vouchers import Domain

BLENDER, DEVICE = "4.5.15", "none"
PRICE, FOREVER = 40, 2_000_000_000
VERIFIER_SLOTS = 64
SILENCE, TOLD_EVERY = 3.0, 0.05
"""Seconds after which a worker says that it is still there, and between two lines about what was accepted."""


@dataclass(slots=True)
class Worker:
    socket: zmq.Socket[bytes]
    keys: CurveKeys
    payout: signing.Key
    verifier: bool
    welcome: bool = False
    said: float = 0.0
    """When it last said something."""
    results: dict[str, bytes] = field(default_factory=dict)
    """By lease, what no verdict has come on: told again after each HELLO, as real workers do."""
    waits: float | None = None
    """Since when it has nothing to render; None before its first result, and while it has."""


@dataclass(slots=True)
class Seen:
    """Since the last report."""

    first_lease: float | None = None
    last_verdict: float = 0.0
    waits: list[float] = field(default_factory=list)
    """Seconds from a RESULT to the same worker's next LEASE."""
    asks: int = 0
    probes: int = 0
    revoked: int = 0


class Crowd:
    def __init__(self, given: dict[str, Any]) -> None:
        self._domain = Domain(given["chain_id"], codec.decode(Address, given["escrow"]))
        self._image = codec.decode(Digest, given["image"])
        self._server = z85.encode(codec.decode(Digest, given["curve_key"]))
        self._endpoint = given["endpoint"]
        self._chance = Random(given["seed"])
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 10_000)
        self._seconds = 0.0
        self._due: list[tuple[float, int, Worker, dict[str, Any]]] = []
        self._numbers = count()
        self._welcome, self.accepted = 0, 0
        self._earned: dict[str, dict[str, int]] = {}
        self._seen = Seen()
        payouts = [signing.Key.of_secret(bytes.fromhex(secret)) for secret in given["payouts"]]
        self._workers = [
            self._worker(CurveKeys.generate(), payouts[index % len(payouts)])
            for index in range(given["workers"])
        ]
        if given["verifier"]:
            secret = CurveKeys.of_secret(bytes.fromhex(given["verifier"]))
            self._workers.append(self._worker(secret, payouts[0], verifier=True))
        self._by_descriptor = {worker.socket.getsockopt(zmq.FD): worker for worker in self._workers}

    def run(self) -> None:
        """Until stdin ends."""
        poll = select.epoll()
        orders = sys.stdin.buffer.raw
        for descriptor in (*self._by_descriptor, orders.fileno()):
            poll.register(descriptor, select.EPOLLIN)
        for worker in self._workers:
            self._hello(worker)
        told, told_at, looked_at = 0, 0.0, 0.0
        unread = b""
        while True:
            for descriptor, _ in poll.poll(self._patience()):
                if descriptor in self._by_descriptor:
                    self._drain(self._by_descriptor[descriptor])
                    continue
                read = os.read(descriptor, 1 << 16)
                if not read:
                    return
                *lines, unread = (unread + read).split(b"\n")
                for line in lines:
                    self._order(json.loads(line))
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, worker, lease = heapq.heappop(self._due)
                self._deliver(worker, lease)
            if now - told_at > TOLD_EVERY and told != self._welcome + self.accepted:
                told, told_at = self._welcome + self.accepted, now
                _tell({"welcome": self._welcome, "accepted": self.accepted})
            if now - looked_at > 1.0:
                looked_at = now
                for worker in self._workers:
                    if now - worker.said > SILENCE:
                        self._say(worker, b"HEARTBEAT", b"{}")

    def _patience(self) -> float:
        if not self._due:
            return TOLD_EVERY
        return min(TOLD_EVERY, max(0.0, self._due[0][0] - time.monotonic()))

    def _order(self, order: dict[str, Any]) -> None:
        if "seconds" in order:
            self._seconds = order["seconds"]
        if "report" in order:
            seen, self._seen = self._seen, Seen()
            for worker in self._workers:  # there was nothing to wait for until the next wave
                worker.waits = None
            times = os.times()
            _tell(
                {
                    "report": True,
                    "accepted": self.accepted,
                    "first_lease": seen.first_lease,
                    "last_verdict": seen.last_verdict,
                    "waits": seen.waits,
                    "asks": seen.asks,
                    "probes": seen.probes,
                    "revoked": seen.revoked,
                    "cpu": times.user + times.system,
                    "earned": self._earned,
                }
            )
            self._earned = {}

    def _worker(self, keys: CurveKeys, payout: signing.Key, *, verifier: bool = False) -> Worker:
        socket = self._context.socket(zmq.DEALER)
        socket.curve_publickey, socket.curve_secretkey = z85.encode(keys.public), z85.encode(keys.secret)
        socket.curve_serverkey = self._server
        socket.linger = 0
        socket.connect(self._endpoint)
        return Worker(socket, keys, payout, verifier)

    def _hello(self, worker: Worker) -> None:
        binding = vouchers.binding_payload(self._domain, WorkerId(worker.keys.public), worker.payout.address)
        slots = VERIFIER_SLOTS if worker.verifier else 1
        signature = signing.sign(binding, worker.payout)
        hello = messages.Hello(worker.payout.address, signature, BLENDER, DEVICE, slots, worker.verifier)
        self._say(worker, *messages.encode(hello)[1:])

    def _say(self, worker: Worker, kind: bytes, body: bytes) -> None:
        worker.said = time.monotonic()
        worker.socket.send_multipart([messages.PROTOCOL, kind, body])
        # The descriptor tells of a change once: what has come in while it was sent is not told of again.
        self._drain(worker)

    def _drain(self, worker: Worker) -> None:
        while worker.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            _, kind, body = worker.socket.recv_multipart()
            self._hear(worker, kind, json.loads(body))

    def _hear(self, worker: Worker, kind: bytes, said: dict[str, Any]) -> None:
        match kind:
            case b"CALL":
                self._seen.asks += 1
                ask = {"job": said["job"], "price": str(PRICE), "slots": 1, "expiry": FOREVER, "warm": True}
                self._say(worker, b"ASK", json.dumps({**ask, "holdback": 0}).encode())
            case b"LEASE":
                self._take(worker, said["lease"])
            case b"PROBE":
                self._seen.probes += 1
                images = [codec.encode(self._image)] * len(said["rects"])
                probed = {"lease": said["lease"], "images": images, "twins": [], "seconds": 0.0}
                self._say(worker, b"PROBED", json.dumps(probed).encode())
            case b"VERDICT":
                self._note(worker, said)
            case b"WELCOME":
                self._welcome += not worker.welcome
                worker.welcome = True
                for result in list(worker.results.values()):
                    self._say(worker, b"RESULT", result)
            case b"REFUSED":  # it has not heard of it yet, or not for long: the machine is busy
                self._hello(worker)
            case b"REVOKE":
                self._seen.revoked += 1
                worker.results.pop(said["lease"], None)
            case _:
                pass

    def _take(self, worker: Worker, lease: dict[str, Any]) -> None:
        now = time.monotonic()
        self._seen.first_lease = self._seen.first_lease or now
        if worker.waits is not None:
            self._seen.waits.append(now - worker.waits)
            worker.waits = None
        due = now + self._seconds * self._chance.uniform(0.5, 1.5)  # or all of them would answer at once
        heapq.heappush(self._due, (due, next(self._numbers), worker, lease))

    def _deliver(self, worker: Worker, lease: dict[str, Any]) -> None:
        job, unit, attempt = lease_parts(lease["id"])
        payload = vouchers.result_payload(self._domain, job, unit, attempt, self._image)
        result = {
            "lease": lease["id"],
            "image": codec.encode(self._image),
            "render_seconds": self._seconds,
            "load_seconds": 0.0,
            "device": DEVICE,
            "signature": codec.encode(signing.sign(payload, worker.payout)),
        }
        worker.waits = time.monotonic()
        worker.results[lease["id"]] = json.dumps({"result": result}).encode()
        self._say(worker, b"RESULT", worker.results[lease["id"]])

    def _note(self, worker: Worker, said: dict[str, Any]) -> None:
        verdict = said["verdict"]
        if verdict["outcome"] != "ACCEPTED":
            raise RuntimeError(f"a tile was not accepted: {verdict}")
        if worker.results.pop(verdict["lease"], None) is None:
            return  # told twice
        self.accepted += 1
        self._seen.last_verdict = time.monotonic()
        of_job = self._earned.setdefault("0x" + verdict["lease"].partition("/")[0], {})
        payee = codec.encode(worker.payout.address)
        of_job[payee] = max(of_job.get(payee, 0), Wei(int(said["cumulative"])))


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Crowd(json.loads(sys.stdin.buffer.raw.readline())).run()
