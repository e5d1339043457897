"""Bodies of requests that are read whole are bounded; blobs are streamed and have limits of their own."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4 << 20
"""An order of as many tiles as can be taken, or a question for 10,000 digests, is a sixth of it."""
STREAMED = "/v1/blobs/0x"
SENTENCE = f"the request's body is too large; {MOST_BYTES} bytes can be taken here"


class BodyLimit:
    """ASGI middleware. What was announced as too large is refused unread; else what comes is counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(STREAMED):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and (len(announced) > 12 or int(announced) > MOST_BYTES):
            await JSONResponse({"detail": SENTENCE}, 413)(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                raise HTTPException(413, SENTENCE)
            return message

        await self._app(scope, counted, send)
