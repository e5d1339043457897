"""What an operator can do besides looking: ban workers; and ask what the market pays."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI

from tegula_coordinator import events
from tegula_coordinator.bodies import Banning, Unbanning
from tegula_coordinator.book import Book
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import MEGASAMPLE, Address, Wei, WorkerId

log = structlog.get_logger(__name__)

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Banned:
    worker: WorkerId
    at: float
    """Unix seconds."""
    reason: str
    device: str
    """Empty if it was never here."""


@dataclass(frozen=True, slots=True)
class Bans:
    bans: tuple[Banned, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What a megasample costs now on a kind of device, in token units."""

    device: str
    token: Address
    price: Wei
    hour: int
    """Unix seconds at which the hour began that it is of: nothing happened since."""
    low: Wei
    high: Wei
    """In the 24 hours before that hour's end."""
    megasamples: float
    """Accepted in them."""


@dataclass(frozen=True, slots=True)
class Prices:
    prices: tuple[Price, ...]


def serve(app: FastAPI, keeper: Bookkeeper, for_operator: Sequence[Any]) -> None:
    @app.get("/v1/operator/bans", dependencies=for_operator)
    async def bans() -> dict[str, Any]:
        return _json(Bans(tuple(_banned(keeper.book))))

    @app.post("/v1/operator/bans", status_code=201, dependencies=for_operator)
    async def ban(body: Banning) -> dict[str, bool]:
        worker = codec.decode(WorkerId, body.worker, "worker")
        if not body.reason.isprintable():
            raise MalformedInput("reason: want one line of text")
        await keeper.record(events.WorkerBanned(time.time(), worker, body.reason))
        log.warning("worker banned", worker=worker.hex(), reason=body.reason)
        return {"ok": True}

    @app.post("/v1/operator/bans/lift", dependencies=for_operator)
    async def unban(body: Unbanning) -> dict[str, bool]:
        worker = codec.decode(WorkerId, body.worker, "worker")
        await keeper.record(events.WorkerUnbanned(time.time(), worker))
        log.warning("worker unbanned", worker=worker.hex())
        return {"ok": True}

    @app.get("/v1/operator/prices", dependencies=for_operator)
    async def prices() -> dict[str, Any]:
        """What work costs now, by device; whoever was busy last comes first."""
        return _json(Prices(tuple(_prices(keeper.book))))


def _json(told: Bans | Prices) -> dict[str, Any]:
    shown: dict[str, Any] = codec.encode(told)
    return shown


def _banned(book: Book) -> Iterator[Banned]:
    for worker, ban in book.banned.items():
        known = book.workers.get(worker)
        yield Banned(worker, ban.at, ban.reason, "" if known is None else known.device)


def _prices(book: Book) -> Iterator[Price]:
    for of, candles in reversed(book.history.items()):
        last = candles[-1]
        day = [each for each in candles if each.start > last.start - DAY]
        yield Price(
            of.device,
            of.token,
            last.close,
            last.start,
            min(each.low for each in day),
            max(each.high for each in day),
            sum(each.volume for each in day) / MEGASAMPLE,
        )
