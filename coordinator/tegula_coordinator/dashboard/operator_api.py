"""The operator's part of the HTTP API: what is in the book, as it happens, and what was paid."""

import asyncio
import hmac
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tegula_coordinator import tokens
from tegula_coordinator.book import Book, Job
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.dashboard import live, operating, overview, sights
from tegula_coordinator.dashboard.overview import Overview
from tegula_coordinator.dashboard.previews import NoPreview, Previews
from tegula_coordinator.dashboard.purses import Purses
from tegula_coordinator.desk import Desk
from tegula_coordinator.readiness import Readiness
from tegula_market import codec, tiling
from tegula_market.lifecycle import Phase
from tegula_market.model import Address, JobId


@dataclass(frozen=True, slots=True)
class Office:
    """What the operator's side is made of besides the desk."""

    keeper: Bookkeeper
    previews: Previews
    purses: Purses
    readiness: Readiness
    data: Path
    """Folder on the disk that has to have room."""
    explorer: str = ""
    """Of the chain, as the start of a URL; empty for none."""
    token: str = field(default="", repr=False)
    """Empty for none: then nobody is let in."""
    since: float = field(default_factory=time.time)


def serve(app: FastAPI, desk: Desk, office: Office) -> None:
    bearer = HTTPBearer(auto_error=False)
    summaries, reading = sights.Summaries(), _Reading(desk)

    async def operator(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> None:
        if not office.token:
            raise HTTPException(404, tokens.NO_OPERATOR)
        given = "" if credentials is None else credentials.credentials
        if not hmac.compare_digest(given.encode(), office.token.encode()):
            raise HTTPException(
                401, "that is not the operator's token; it is in the file operator_token_file"
            )

    async def find(job: str) -> Job:
        return await reading.find(codec.decode(JobId, job, "job"))

    for_operator = [Depends(operator)]

    @app.get("/v1/operator", dependencies=for_operator)
    async def admitted() -> dict[str, bool]:
        """Whether the token is the operator's."""
        return {"ok": True}

    @app.get("/v1/operator/status", dependencies=for_operator)
    async def status() -> dict[str, Any]:
        """All at one glance: what runs, what waits, and why."""
        shown: dict[str, Any] = codec.encode(await _overview(desk, office))
        return shown

    operating.serve(app, office.keeper, for_operator)

    @app.get("/v1/operator/events", dependencies=for_operator)
    async def follow(job: str = "", frame: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
        """Server-sent events: `market`, and `frame` of a job, tiles that have not changed left out.

        Args:
            frame: counted from 0 in the order's own order.
        """
        found = await find(job) if job else None
        if found is not None and frame >= len(found.order.frames):
            raise HTTPException(422, f"the job has {len(found.order.frames)} frames, counted from 0")
        look = _looking(reading, office, summaries, None if found is None else found.id, frame)
        events = live.follow(office.keeper, look)
        unbuffered = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter is nginx's
        return StreamingResponse(events, media_type="text/event-stream", headers=unbuffered)

    @app.get("/v1/operator/jobs/{job}", dependencies=for_operator)
    async def plan(job: str) -> dict[str, Any]:
        """What of a job never changes."""
        return sights.plan(await find(job))

    @app.get(
        "/v1/operator/jobs/{job}/units/{unit}/preview", dependencies=for_operator, response_class=FileResponse
    )
    async def preview(job: str, unit: int) -> FileResponse:
        """An accepted tile as a PNG: plain sRGB, the scene's view transform is not applied."""
        found = await find(job)
        if not 0 <= unit < len(found.units) or found.units[unit].phase is not Phase.ACCEPTED:
            raise NoPreview("only tiles that are accepted are shown")
        tile = tiling.tile(found.order, unit)
        path = await office.previews.of(found.results[unit].image, tile)
        return FileResponse(path, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    @app.get("/v1/operator/jobs/{job}/payments", dependencies=for_operator)
    async def payments(job: str) -> dict[str, Any]:
        """What the chain says of the job: its deposit, the workers' claims, and what went back."""
        found = await find(job)
        return await asyncio.to_thread(office.purses.payments, found.id)


async def _overview(desk: Desk, office: Office) -> Overview:
    domain, book = desk.domain, desk.book
    return Overview(
        time.time(),
        office.since,
        version("tegula-coordinator"),
        desk.address,
        domain.chain_id,
        office.keeper.seq,
        await office.keeper.extent(),
        await office.readiness.look(),
        await office.purses.ether(desk.address),
        (await asyncio.to_thread(shutil.disk_usage, office.data)).free,
        overview.jobs(book),
        len(book.jobs) - len(book.live),
        overview.workers(book),
        sum(not worker.online for worker in book.workers.values()),
    )


class _Reading:
    """Jobs, whole. One that was put away is kept as it was taken out, until another is asked for: the tiles
    of a frame are shown one by one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last: Job | None = None

    @property
    def book(self) -> Book:
        return self._desk.book

    async def find(self, job: JobId) -> Job:
        found = self._desk.find(job)
        if found.away is None:
            return found
        if self._last is not None and self._last.id == job:
            return self._last
        self._last = taken_out = await self._desk.whole(found)
        return taken_out


def _looking(
    reading: _Reading, office: Office, summaries: sights.Summaries, job: JobId | None, frame: int
) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    since, asked = -1, set[Address]()

    async def look() -> Mapping[str, Any]:
        nonlocal since
        # Once for each page: a token that does not say what it is called is not to be asked each second.
        unasked = sights.tokens(reading.book) - asked
        asked.update(unasked)
        await office.purses.learn(unasked)
        await summaries.learn(reading.book)
        told: dict[str, Any] = {
            "market": sights.market(reading.book, summaries, time.time())
            | {"tokens": office.purses.known(), "explorer": office.explorer}
        }
        if job is not None:
            found = await reading.find(job)
            told["frame"] = sights.frame(reading.book, found, frame, summaries, since)
            since = found.clock
        return told

    return look
