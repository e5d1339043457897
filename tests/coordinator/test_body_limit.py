import asyncio
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI, Request

from tegula_coordinator.body_limit import MOST_BYTES, BodyLimit

PIECE = bytes(1 << 16)


def asked(path: str, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    app = FastAPI()
    app.add_middleware(BodyLimit)

    @app.post("/{path:path}")
    async def count(request: Request) -> int:
        return len(await request.body())

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://it") as client:
            return await client.post(path, content=content, headers=headers)

    return asyncio.run(ask())


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(PIECE)):
        yield PIECE


def test_what_fits_comes_through() -> None:
    assert asked("/v1/jobs", bytes(MOST_BYTES)).json() == MOST_BYTES
    assert asked("/v1/jobs", pieces(MOST_BYTES)).json() == MOST_BYTES


def test_what_is_too_large_is_refused_whether_it_says_so_or_not() -> None:
    for content in (bytes(MOST_BYTES + 1), pieces(2 * MOST_BYTES)):
        answer = asked("/v1/jobs", content)
        assert answer.status_code == 413
        assert f"{MOST_BYTES} bytes can be taken" in answer.json()["detail"]


def test_an_announcement_alone_is_enough() -> None:
    for size in (str(MOST_BYTES + 1), "9" * 5000):
        assert asked("/v1/jobs", b"", **{"Content-Length": size}).status_code == 413


def test_blobs_have_limits_of_their_own() -> None:
    assert asked(f"/v1/blobs/0x{'00' * 32}", bytes(MOST_BYTES + 1)).json() == MOST_BYTES + 1
