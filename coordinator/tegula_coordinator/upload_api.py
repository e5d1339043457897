"""Uploads that go on where they were cut off, by tus 1.0.0 (https://tus.io/protocols/resumable-upload).

The upload of a blob has its address from the start, so there is nothing to create: HEAD tells how many bytes
are here, PATCH adds some. Its length is unknown until the first PATCH says it (tus: Upload-Defer-Length).
"""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response

from tegula_coordinator.bearer import Token
from tegula_coordinator.desk import Desk
from tegula_coordinator.guard import Guard, announced
from tegula_coordinator.partials import Partials
from tegula_market import codec
from tegula_market.model import Digest

MOST_BYTES = 1 << 62
PLACE = "/v1/blobs/{digest}/upload"
TUS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
OCTETS = "application/offset+octet-stream"
Bytes = Annotated[int, Header(ge=0, le=MOST_BYTES)]


def body(media_type: str) -> dict[str, Any]:
    """For OpenAPI: FastAPI describes only what it reads itself, and these are streamed."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def serve(app: FastAPI, desk: Desk, partials: Partials, guard: Guard) -> None:
    @app.head(PLACE, response_class=Response)
    async def offset(digest: str, caller: Annotated[Token, guard.upload]) -> Response:
        """Upload-Offset: bytes of the blob that this token has sent, and that need not be sent again."""
        here = await asyncio.to_thread(partials.offset, caller.digest, codec.decode(Digest, digest, "digest"))
        return Response(headers={**TUS, "Upload-Offset": str(here), "Upload-Defer-Length": "1"})

    @app.patch(PLACE, status_code=204, openapi_extra=body(OCTETS))
    async def add(
        digest: str,
        request: Request,
        caller: Annotated[Token, guard.upload],
        upload_offset: Bytes,
        upload_length: Bytes,
    ) -> Response:
        """Adds the body at Upload-Offset. The blob is there once all Upload-Length bytes came."""
        wanted = codec.decode(Digest, digest, "digest")
        if upload_offset == 0:
            await guard.access.note_upload(caller, wanted, upload_length)
        chunks = guard.access.quotas.uploading(caller, announced(request), request.stream())
        with desk.told.telling([wanted]) as here:
            at = await partials.append(caller.digest, wanted, upload_offset, upload_length, chunks)
            if at == upload_length:
                here.add(wanted)
        return Response(status_code=204, headers={**TUS, "Upload-Offset": str(at)})
