"""How the HTTP API says no: which status, in which body, and how OpenAPI describes it."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from tegula_coordinator import desk, refusals, relay, sign_in
from tegula_coordinator.blobs import BlobsAway, NoSuchBlob, TooLarge, WrongDigest
from tegula_coordinator.book import NotAdmitted
from tegula_coordinator.dashboard.previews import NoPreview
from tegula_coordinator.desk import NotFunded
from tegula_coordinator.evidence import NoEvidence
from tegula_coordinator.partials import WrongOffset
from tegula_coordinator.store import StoreError
from tegula_market.adapters import chain
from tegula_market.codec import MalformedInput
from tegula_market.model import InvalidValue, TegulaError

STATUS: tuple[tuple[type[TegulaError], int], ...] = (
    (refusals.NotKnown, 401),
    (NotFunded, 402),
    (relay.NotCovered, 402),
    (refusals.NotAllowed, 403),
    (desk.NotTheirs, 403),
    (relay.NothingRelayed, 404),
    (sign_in.NotOffered, 404),
    (desk.NoSuchJob, 404),
    (desk.NoRoot, 404),
    (NoEvidence, 404),
    (NoSuchBlob, 404),
    (NoPreview, 404),
    (NotAdmitted, 409),
    (desk.Forgotten, 410),
    (WrongOffset, 409),
    (TooLarge, 413),
    (WrongDigest, 422),
    (MalformedInput, 422),
    (InvalidValue, 422),
    (desk.NotAcceptable, 422),
    (relay.NotRelayed, 422),
    (chain.Refused, 422),
    (desk.TooEarly, 425),
    (refusals.TooMany, 429),
    (chain.ChainError, 503),
    (relay.NoEther, 503),
    (BlobsAway, 503),
    (StoreError, 503),
)
RETRY_AFTER_SECONDS = 5
"""After which what failed may work: the chain or the blobs were away. By this header a client knows that the
answer is not the last word: a requester that took it for that gave up jobs that were paid."""
DATABASE = "the database does not answer as it should; ask again later"
"""All that anybody is told of it, with a token or without: its words have statements and values in them."""

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """The body of every answer that is a no."""

    detail: str
    """A sentence that says what to do."""


def _described(status: int) -> dict[str, Any]:
    again = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}}
    headers = (
        {"headers": again} if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) else {}
    )
    return {"model": Problem, "description": HTTPStatus(status).phrase, **headers}


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: _described(status) for status in sorted({400, 405, *(status for _, status in STATUS)})
}
"""Of every route: OpenAPI wants each status that may come, and most may come from what stands before all."""


def explain(app: FastAPI) -> None:
    @app.exception_handler(TegulaError)
    async def refuse(_request: Request, error: TegulaError) -> JSONResponse:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
        if isinstance(error, refusals.TooMany):
            headers["Retry-After"] = str(error.retry_after)
        # Without ether somebody has to send some first.
        if status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, relay.NoEther):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        said = str(error)
        if isinstance(error, StoreError):
            log.warning("database failed a request", reason=said)
            said = DATABASE
        return JSONResponse({"detail": said}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def correct(_request: Request, error: RequestValidationError) -> JSONResponse:
        """One sentence as elsewhere, and nothing of what was sent: it may be a secret in the wrong place."""
        said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return JSONResponse({"detail": "; ".join(said)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(ClientDisconnect)
    async def leave(_request: Request, _error: ClientDisconnect) -> Response:
        """Nobody reads it. Without it each upload that is cut off would be told as a fault of ours."""
        return Response(status_code=400)
