"""What a request hears that is under way when this program ends, by a signal or without its database."""

import asyncio

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENTENCE = "the coordinator ends; another one, or the same again, answers soon"
RETRY_AFTER_SECONDS = 1


class Interrupted:
    """ASGI middleware. uvicorn would answer 500, which is a fault, and the last word to whoever has asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            await JSONResponse({"detail": SENTENCE}, 503, headers)(scope, receive, send)
