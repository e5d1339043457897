"""A coordinator over real HTTP on loopback whose market is scripted: each poll for events moves it one step.

Tiles are cut out of a picture that the test knows, so that what comes out of a job can be compared with it.
"""

import json
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np

from listening import free_port
from requester_samples import ANN, BEN, verdict
from tegula_blender.job_view import (
    AccountView,
    AskView,
    Deposited,
    JobPhase,
    JobView,
    Owed,
    Settled,
    UnitPhase,
    UnitView,
)
from tegula_blender.market_view import MarketView
from tegula_market import auction, codec, tiling
from tegula_market.adapters import exr, light
from tegula_market.digests import digest
from tegula_market.model import Address, Digest, JobId, Order, Rect, Signature, Terms, Wei, WorkerId

TOKEN = "let me in"
KEYS = {ANN: WorkerId(bytes([1]) * 32), BEN: WorkerId(bytes([2]) * 32)}
CURRENCY, TX = Address(bytes([0x0D]) * 20), bytes([0x77]) * 32
ABOUT = {
    "version": "0.1.0",
    "protocol": "tm1",
    "coordinator": "0x" + "0c" * 20,
    "chain_id": 1337,
    "escrow": "0x" + "0e" * 20,
    "router": "tcp://127.0.0.1:1",
    "curve_key": "0x" + "00" * 32,
    "arbiter": "0x" + "00" * 20,
}


class No(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.answer: Any = {"detail": sentence}
        self.headers: dict[str, str] = {}


class Busy(No):
    """So many seconds, and the same may be asked again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, f"the token is for 2 requests a minute; try again in {seconds} seconds")
        self.headers = {"Retry-After": str(seconds)}


class Later(No):
    """What the coordinator itself needs is away; it may be back soon."""

    def __init__(self, sentence: str) -> None:
        super().__init__(503, sentence)
        self.headers = {"Retry-After": "5"}


class ProxyPage(No):
    """What stands in front of a coordinator says that nobody is behind it."""

    def __init__(self, status: int) -> None:
        super().__init__(status, "")
        self.answer = b"<html>Bad Gateway</html>"


@dataclass
class FakeCoordinator:
    """What tests look at and change; the HTTP side is in `serving`."""

    job_id: Callable[[Order], JobId]
    sign_close: Callable[[JobId, Wei], Signature]
    asks: dict[Address, int] = field(default_factory=lambda: {ANN: 40, BEN: 50})
    about: dict[str, Any] = field(default_factory=lambda: dict(ABOUT))
    market: MarketView = field(default_factory=lambda: MarketView(1000.0, 1.0, (), (), (), ()))
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    view: JobView | None = None
    order: Order | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    signed: list[tuple[Address, Wei]] = field(default_factory=list)
    balance: Wei | None = None
    """Of every account; None if no deposits are relayed."""
    deposits: dict[JobId, Wei] = field(default_factory=dict)
    settled: dict[JobId, Wei] = field(default_factory=dict)
    """What was owed in the end."""
    on_step: Callable[["FakeCoordinator"], None] = lambda _: None
    """Called before each step that the market takes."""
    lie: Callable[[JobView], JobView] = lambda view: view
    """What a dishonest coordinator makes of the truth."""

    def handle(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Any:
        self.requests.append(f"{method} {path}")
        match [method, *path.strip("/").split("/")[1:]]:
            case ["GET", "about"]:
                return self.about
            case ["GET", "market"]:
                return codec.encode(self.market)
            case ["POST", "blobs", "missing"]:
                asked = codec.decode(tuple[Digest, ...], json.loads(body)["digests"])
                return {"missing": [codec.encode(d) for d in asked if d not in self.blobs]}
            case ["PUT", "blobs", name]:
                if digest(body) != codec.decode(Digest, name):
                    raise No(422, "the bytes are not what the digest names")
                self.blobs[digest(body)] = body
                return None
            case ["GET", "blobs", name]:
                return self.blobs[codec.decode(Digest, name)]
            case ["GET", "accounts", _]:
                return self._account()
            case ["POST", "deposits"]:
                return self._deposit(json.loads(body))
            case ["POST", "jobs", _, "settle"]:
                return self._settle(codec.decode(Wei, json.loads(body)["owed"]))
            case ["POST", "jobs"]:
                return self._open(codec.decode(Order, json.loads(body)["order"]))
            case ["GET", "jobs", _]:
                return codec.encode(self.lie(self._view))
            case ["GET", "jobs", _, "events"]:
                return self._poll(int(query["after"][0]))
            case ["POST", "jobs", _, "vouchers"]:
                return self._voucher(json.loads(body))
            case ["POST", "jobs", _, "cancel"]:
                return self._cancel()
            case ["POST", "jobs", _, "close"]:
                owed = codec.decode(Wei, json.loads(body)["owed"])
                self.view = replace(self._view, phase=JobPhase.CLOSED)
                return {"signature": codec.encode(self.sign_close(self._view.job, owed))}
        raise No(404, "no such place")

    @property
    def _view(self) -> JobView:
        if self.view is None:
            raise No(404, "there is no such job here")
        return self.view

    def _account(self) -> Any:
        if self.balance is None:
            raise No(404, "this coordinator relays no deposits")
        return codec.encode(AccountView(CURRENCY, "USD", 6, "USD Coin", "2", self.balance))

    def _deposit(self, body: dict[str, Any]) -> Any:
        """Believes the signature."""
        self._account()
        job = light.job_id(codec.decode(Terms, body["terms"]))
        amount = codec.decode(Wei, body["amount"])
        if job in self.deposits:
            return codec.encode(Deposited(job, None))
        assert self.balance is not None
        if amount > self.balance:
            raise No(402, f"the deposit is {amount} and the account holds {self.balance} units of USD")
        self.deposits[job], self.balance = amount, Wei(self.balance - amount)
        return codec.encode(Deposited(job, TX))

    def _settle(self, owed: Wei) -> Any:
        self._account()
        job = self._view.job
        returned = Wei(self.deposits[job] - owed)
        if job in self.settled:
            return codec.encode(Settled(None, returned))
        assert self.balance is not None
        self.settled[job], self.balance = owed, Wei(self.balance + returned)
        self.view = replace(self._view, phase=JobPhase.CLOSED)
        return codec.encode(Settled(TX, returned))

    def _open(self, order: Order) -> dict[str, str]:
        if self.order == order:  # again, which changes nothing
            return {"job": codec.encode(self._view.job)}
        manifest = self.blobs.get(order.scene.manifest)
        if manifest is None:
            raise No(422, "the scene's manifest is not uploaded")
        units = tuple(
            UnitView(tile.index, UnitPhase.OPEN, 0, None, None, None, 0.0, 0.0, "", ())
            for tile in tiling.split(order)
        )
        self.order = order
        job = self.job_id(order)
        self.view = JobView(job, JobPhase.OPEN, "", None, (), units, (), len(self.asks), 1, 0, "")
        self._event("JobOpened", {})
        return {"job": codec.encode(job)}

    def _poll(self, after: int) -> dict[str, Any]:
        if after >= len(self.events) and self._view.phase is JobPhase.OPEN:
            self.on_step(self)
            self.step()
        return {"events": self.events[after:], "seq": max(after, len(self.events))}

    def step(self) -> None:
        """One move of the market: the asks, the round, then a tile at a time."""
        assert self.order is not None
        view = self._view
        if not view.asks:
            for worker, price in self.asks.items():
                asked = {"worker": codec.encode(KEYS[worker]), "price": str(price)}
                self._event("AskArrived", {"ask": asked})
            self.view = replace(view, asks=self._cleared(), clearing_price=self._price())
        elif self._price() is not None:
            self._accept(next(u for u in view.units if u.phase is UnitPhase.OPEN))

    def ask_again(self, asks: dict[Address, int]) -> None:
        """Workers whose price has changed are called again, and the round ends at once."""
        self.asks = asks
        for worker, price in asks.items():
            self._event("AskArrived", {"ask": {"worker": codec.encode(KEYS[worker]), "price": str(price)}})
        self.view = replace(self._view, asks=self._cleared(), clearing_price=self._price())

    def _price(self) -> Wei | None:
        assert self.order is not None
        return max((Wei(p) for p in self.asks.values() if p <= self.order.ceiling), default=None)

    def _cleared(self) -> tuple[AskView, ...]:
        assert self.order is not None
        ceiling = self.order.ceiling
        return tuple(
            AskView(
                worker,
                KEYS[worker],
                Wei(price),
                1,
                price <= ceiling,
                "" if price <= ceiling else "ABOVE_CEILING",
                "" if price <= ceiling else f"The ask is {price}; the job pays at most {ceiling}.",
            )
            for worker, price in self.asks.items()
        )

    def _accept(self, unit: UnitView) -> None:
        assert self.order is not None
        view, price = self._view, self._price()
        assert price is not None
        tile = tiling.split(self.order)[unit.unit]
        winners = [worker for worker, asked in self.asks.items() if asked <= price]
        worker = winners[unit.unit % len(winners)]
        cost = auction.price_of(tiling.size(tile, self.order.scene), price)
        image = tile_image(self.order, tile.frame, tile.rendered)
        self.blobs[digest(image)] = image
        judged = verdict(unit.unit, 1, worker)
        accepted = UnitView(
            unit.unit, UnitPhase.ACCEPTED, 1, worker, cost, digest(image), 0.25, 0.05, "CPU", (judged,)
        )
        units = tuple(accepted if u.unit == unit.unit else u for u in view.units)
        owed = {dues.worker: dues for dues in view.owed}
        before = owed.get(worker, Owed(worker, Wei(0), Wei(0)))
        owed[worker] = replace(before, cumulative=Wei(before.cumulative + cost))
        done = all(u.phase is UnitPhase.ACCEPTED for u in units)
        phase = JobPhase.DONE if done else view.phase
        self.view = replace(view, units=units, owed=tuple(owed.values()), phase=phase)
        result = {"lease": judged.lease, "render_seconds": 0.25, "load_seconds": 0.05}
        self._event("ResultArrived", {"worker": codec.encode(KEYS[worker]), "result": result})
        self._event("Judged", {"verdict": {"lease": judged.lease, "probe_seconds": judged.probe_seconds}})

    def _voucher(self, body: dict[str, str]) -> dict[str, bool]:
        worker, total = codec.decode(Address, body["worker"]), codec.decode(Wei, body["cumulative"])
        self.signed.append((worker, total))
        owed = tuple(replace(o, vouchered=total) if o.worker == worker else o for o in self._view.owed)
        self.view = replace(self._view, owed=owed)
        return {"ok": True}

    def _cancel(self) -> dict[str, bool]:
        if self._view.phase is not JobPhase.OPEN:
            raise No(409, f"the job is {self._view.phase}")
        units = tuple(
            u if u.phase is UnitPhase.ACCEPTED else replace(u, phase=UnitPhase.CANCELLED)
            for u in self._view.units
        )
        self.view = replace(self._view, phase=JobPhase.CANCELLED, units=units)
        return {"ok": True}

    def _event(self, kind: str, body: dict[str, Any]) -> None:
        seq = len(self.events) + 1
        self.events.append({"seq": seq, "at": 1000.0 + seq, "kind": kind, "body": body})
        if self.view is not None:
            self.view = replace(self.view, seq=seq)


class Serving:
    """The HTTP side, with a context that can be left and entered again on the same port."""

    def __init__(self, fake: FakeCoordinator) -> None:
        self.fake = fake
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self.fake))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(fake: FakeCoordinator) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        do_PUT = do_GET  # noqa: N815 the names that http.server looks for
        do_POST = do_GET  # noqa: N815

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            try:
                self._check(url.path)
                with lock:
                    answer = fake.handle(self.command, url.path, parse_qs(url.query), body)
                self._send(200, answer)
            except No as no:
                self._send(no.status, no.answer, **no.headers)

        def _check(self, path: str) -> None:
            if path != "/v1/about" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise No(401, "want a requester's bearer token; ask the operator for one")

        def _send(self, status: int, answer: Any, **headers: str) -> None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler


def picture(order: Order, frame: int) -> dict[str, np.ndarray]:
    """Every channel of a whole frame: no two pixels and no two frames are alike."""
    width, height = tiling.frame_size(order.scene.resolution_x, order.scene.resolution_y, 100)
    base = np.arange(width * height, dtype=np.float32).reshape(height, width)
    return {f"ViewLayer.Combined.{c}": base + 0.25 * i + frame for i, c in enumerate("RGBA")}


def tile_image(order: Order, frame: int, rect: Rect) -> bytes:
    """The EXR that a worker would deliver for the rect."""
    crop = {n: p[rect.y0 : rect.y1, rect.x0 : rect.x1].copy() for n, p in picture(order, frame).items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.exr"
        exr.write(path, exr.Image(rect.width, rect.height, crop))
        return path.read_bytes()
