import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from coordinator.house import House, acting, house
from coordinator.playbook import ANN, joined
from tegula_coordinator.dashboard import live


def told(event: str) -> tuple[str, Any]:
    name, data, *rest = event.split("\n")
    assert rest == ["", ""]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_view_is_told_at_once_and_again_when_something_has_happened(tmp_path: Path) -> None:
    async def scenario(it: House) -> None:
        async def look() -> Mapping[str, Any]:
            return {"workers": len(it.keeper.book.workers), "said": "a line\nand another"}

        events: AsyncIterator[str] = live.follow(it.keeper, look, least=0, longest=1000)
        assert told(await anext(events)) == ("workers", 0)
        assert told(await anext(events)) == ("said", "a line\nand another")
        following = asyncio.ensure_future(anext(events))  # noqa: TID251 awaited below
        await it.keeper.record(joined(ANN))
        assert told(await following) == ("workers", 1)

    acting(tmp_path)(scenario)


def test_silence_is_broken_so_that_a_page_knows_it_is_connected(tmp_path: Path) -> None:
    async def look() -> Mapping[str, Any]:
        return {"same": 1}

    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            events = live.follow(it.keeper, look, least=0, longest=0.001)
            assert [told(await anext(events)) for _ in range(3)] == [("same", 1)] * 3

    asyncio.run(run())
