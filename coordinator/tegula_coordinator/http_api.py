"""The coordinator's HTTP API: what a requester orders and follows, and the blobs of both sides.

Served with its OpenAPI description at /openapi.json. Bodies spell values as `tegula_market.codec` does.
"""

import asyncio
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

from tegula_coordinator import order_book, problems, relay_api, sign_in_api, upload_api, views
from tegula_coordinator.access import Access
from tegula_coordinator.bearer import Token
from tegula_coordinator.bodies import Cancelling, Closing, Digests, OrderBook, SignedAmount, SignedOrder
from tegula_coordinator.body_limit import BodyLimit
from tegula_coordinator.book import Job
from tegula_coordinator.dashboard import funding, operator_api, pages
from tegula_coordinator.dashboard.operator_api import Office
from tegula_coordinator.desk import Desk
from tegula_coordinator.guard import Guard, announced
from tegula_coordinator.interrupted import Interrupted
from tegula_coordinator.partials import Partials
from tegula_coordinator.readiness import Readiness
from tegula_coordinator.relay import Relay
from tegula_coordinator.sign_in import SignIn
from tegula_coordinator.store import Act
from tegula_market import codec
from tegula_market.adapters import chain
from tegula_market.model import Address, Digest, JobId, Order, Signature, Wei

DESCRIPTION = """
Requesters order and follow jobs here; both sides fetch and upload blobs. Bytes are spelled as 0x and hex
digits, amounts as decimal strings in the token's smallest unit. What changes so that a client would notice
gets another prefix than /v1.
"""
OCTETS = "application/octet-stream"
LONGEST_WAIT = 30.0
"""Seconds that a request for events may stay open."""
LONGEST_MARK = 64
"""Letters."""


def create_app(
    desk: Desk, relay: Relay, office: Office, access: Access, partials: Partials, sign_in: SignIn
) -> FastAPI:
    app = FastAPI(
        title="Tegula coordinator",
        version="1",
        description=DESCRIPTION,
        docs_url="/docs",
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(Interrupted)
    guard = Guard(access, desk)
    problems.explain(app)

    @app.post("/v1/jobs", status_code=201)
    async def open_job(body: SignedOrder, caller: Annotated[Token, guard.order]) -> dict[str, str]:
        order = codec.decode(Order, body.order, "order")
        signature = codec.decode(Signature, body.signature, "signature")
        desk.check_owner(caller, order)
        job = chain.job_id(order.terms)
        note = partial(access.note, caller, Act.ORDER, codec.encode(job))
        async with access.ordering(caller, job, desk.book.live):
            return {"job": codec.encode(await desk.open_job(order, signature, caller.name, note))}

    @app.get("/v1/jobs/{job}")
    async def show_job(
        job: Annotated[Job, guard.read_job], since: Annotated[str, Query(max_length=LONGEST_MARK)] = ""
    ) -> dict[str, Any]:
        """With the mark of an earlier view, of the units those only that have changed since."""
        return await desk.show(job.id, since)

    @app.get("/v1/jobs/{job}/events")
    async def follow(
        job: Annotated[Job, guard.read_job],
        after: Annotated[int, Query(ge=0)] = 0,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
    ) -> dict[str, Any]:
        """With `cut`, the job may have had others beyond `after`, which the log has no more: they are old."""
        recorded = await desk.events_of(job.id, after, wait)
        listed = [views.event(each) for each in recorded]
        seq = recorded[-1].seq if recorded else after
        return {"events": listed, "seq": seq, "cut": desk.lacks(after, recorded)}

    @app.post("/v1/jobs/{job}/vouchers")
    async def sign_voucher(job: Annotated[Job, guard.order_job], body: SignedAmount) -> dict[str, bool]:
        worker = codec.decode(Address, body.worker, "worker")
        cumulative = codec.decode(Wei, body.cumulative, "cumulative")
        await desk.take_voucher(job.id, worker, cumulative, _signature(body.signature))
        return {"ok": True}

    @app.post("/v1/jobs/{job}/cancel")
    async def cancel(
        job: Annotated[Job, guard.order_job], body: Cancelling, caller: Annotated[Token, guard.order]
    ) -> dict[str, bool]:
        await access.note(caller, Act.CANCEL, codec.encode(job.id), body.reason)
        await desk.cancel(job.id, body.reason)
        return {"ok": True}

    @app.post("/v1/jobs/{job}/close")
    async def close(
        job: Annotated[Job, guard.order_job], body: Closing, caller: Annotated[Token, guard.order]
    ) -> dict[str, str]:
        owed = codec.decode(Wei, body.owed, "owed")
        await access.note(caller, Act.CLOSE, codec.encode(job.id), f"{owed} owed")
        signature = await desk.close(job.id, owed, _signature(body.signature))
        return {"signature": codec.encode(signature)}

    _serve_everybody(app, desk, office.readiness)
    _serve_blobs(app, desk, guard)
    upload_api.serve(app, desk, partials, guard)
    _serve_evidence(app, desk, guard)
    _serve_market(app, desk, guard)
    _serve_reasons(app, desk, guard)
    funding.serve(app, desk, office, [guard.read])
    relay_api.serve(app, desk, relay, guard)
    operator_api.serve(app, desk, office)
    sign_in_api.serve(app, sign_in, access)
    return app


def _serve_everybody(app: FastAPI, desk: Desk, readiness: Readiness) -> None:
    pages.serve(app)

    @app.get("/v1/health")
    async def health() -> dict[str, bool]:
        """That this coordinator is alive, and leads: one that stands by listens to nobody."""
        return {"ok": True}

    @app.get("/v1/ready", responses={503: {"description": "The same, and a part is not ok"}})
    async def ready() -> JSONResponse:
        """Whether a job can be rendered and paid here at the moment, and if not (503), why."""
        checks = await readiness.look()
        ok = all(check.ok for check in checks)
        return JSONResponse({"ready": ok, "checks": codec.encode(checks)}, 200 if ok else 503)

    @app.get("/v1/about")
    async def about() -> dict[str, Any]:
        return desk.about()

    @app.get("/v1/jobs/{job}/root")
    async def show_root(job: str) -> dict[str, Any]:
        """All totals that a job's root stands for: with them anybody builds the tree, and any proof."""
        return desk.show_root(codec.decode(JobId, job, "job"))


def _serve_blobs(app: FastAPI, desk: Desk, guard: Guard) -> None:
    access = guard.access

    @app.post("/v1/blobs/missing", dependencies=[guard.fetch])
    async def missing(body: Digests) -> dict[str, list[str]]:
        digests = [codec.decode(Digest, raw, "digest") for raw in body.digests]
        found = await asyncio.to_thread(desk.missing, digests)
        return {"missing": [codec.encode(digest) for digest in found]}

    @app.put("/v1/blobs/{digest}", status_code=201, openapi_extra=upload_api.body(OCTETS))
    async def put_blob(digest: str, request: Request, caller: Annotated[Token, guard.upload]) -> None:
        wanted = codec.decode(Digest, digest, "digest")
        await access.note_upload(caller, wanted, announced(request))
        chunks = access.quotas.uploading(caller, announced(request), request.stream())
        with desk.told.telling([wanted]) as here:  # it may be here since long ago
            await desk.blobs.receive(wanted, chunks)
            here.add(wanted)

    @app.head("/v1/blobs/{digest}", dependencies=[guard.fetch], response_class=Response)
    async def head_blob(digest: str) -> Response:
        missing = await asyncio.to_thread(desk.missing, [codec.decode(Digest, digest, "digest")])
        return Response(status_code=404 if missing else 200)

    @app.get("/v1/blobs/{digest}", dependencies=[guard.fetch], response_class=StreamingResponse)
    async def get_blob(digest: str) -> StreamingResponse:
        found = await asyncio.to_thread(desk.blobs.send, codec.decode(Digest, digest, "digest"))
        return StreamingResponse(
            found.pieces,
            headers={"Content-Length": str(found.size)},
            media_type=OCTETS,
        )


def _serve_evidence(app: FastAPI, desk: Desk, guard: Guard) -> None:
    @app.get(
        "/v1/jobs/{job}/units/{unit}/attempts/{attempt}/evidence",
        response_class=FileResponse,
    )
    async def show_evidence(job: Annotated[Job, guard.fetch_job], unit: int, attempt: int) -> FileResponse:
        """A bundle for `tegula verify`; for the requester, and for workers, who want to know why."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="tegula-evidence-"))
        cleanup = BackgroundTask(shutil.rmtree, folder)
        try:
            path = folder / "evidence.zip"
            await desk.show_evidence(job.id, unit, attempt, path)
        except BaseException:
            await cleanup()
            raise
        return FileResponse(path, media_type="application/zip", background=cleanup)


def _serve_market(app: FastAPI, desk: Desk, guard: Guard) -> None:
    @app.get("/v1/market", dependencies=[guard.read])
    async def market() -> dict[str, Any]:
        """Who is online, what they asked last, what jobs cleared at, and how fast devices were of late."""
        return views.market(desk.book, time.time())

    @app.get("/v1/market/book", dependencies=[guard.read])
    async def depth() -> OrderBook:
        """The order book: posted asks by token and kind of device, and the bids of jobs with open tiles."""
        return order_book.of(desk.book, time.time())

    @app.get("/v1/market/prices", dependencies=[guard.fetch])
    async def prices() -> dict[str, Any]:
        """What a megasample has cost, hour by hour, on each kind of device. Workers may see it, too."""
        return views.prices(desk.book)


def _serve_reasons(app: FastAPI, desk: Desk, guard: Guard) -> None:
    @app.get("/v1/jobs/{job}/waiting")
    async def waiting(job: Annotated[Job, guard.read_job]) -> dict[str, Any]:
        """Why each tile that is not finished is no further."""
        return views.waiting(desk.book, job, range(len(job.units)))

    @app.get("/v1/market/idle", dependencies=[guard.read])
    async def idle() -> dict[str, Any]:
        """Why each worker that renders nothing does so."""
        return views.idle(desk.book)


def _signature(raw: str) -> Signature:
    return codec.decode(Signature, raw, "signature")
