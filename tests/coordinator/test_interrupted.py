import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from coordinator.served import served
from tegula_coordinator.interrupted import SENTENCE, Interrupted


def asked_as_it_ends(path: str) -> httpx.Response:
    """The answer to a request that is under way when the program is told to end."""
    app, begun = FastAPI(), asyncio.Event()
    app.add_middleware(Interrupted)

    @app.get("/waits")
    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    @app.get("/streams")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"the beginning"
            begun.set()
            await asyncio.Event().wait()

        return StreamingResponse(pieces())

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as tasks:
            async with served(app) as url:
                answer = tasks.create_task(client.get(url + path))
                await begun.wait()
            return await answer

    return asyncio.run(ask())


def test_who_waits_is_told_to_ask_again() -> None:
    answer = asked_as_it_ends("/waits")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"detail": SENTENCE}


def test_an_answer_that_has_begun_is_broken_off() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        asked_as_it_ends("/streams")
    assert caught.group_contains(httpx.RemoteProtocolError)
