"""Keeps a page up to date: server-sent events, as the HTML standard spells them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from tegula_coordinator.bookkeeper import Bookkeeper

LEAST_SECONDS = 1.0
"""Between two views: a busy book changes a thousand times a second, and nobody can read that."""
LONGEST_SECONDS = 15.0
"""Without a change. Then the same is told again, by which page and proxies know that they are connected."""


async def follow(
    keeper: Bookkeeper,
    look: Callable[[], Awaitable[Mapping[str, Any]]],
    least: float = LEAST_SECONDS,
    longest: float = LONGEST_SECONDS,
) -> AsyncIterator[str]:
    """Events for as long as somebody listens and the program does not end, the first at once.

    Args:
        look: what there is to see, by the name of an event.
    """
    while not keeper.ending:
        seen = keeper.seq
        for name, view in (await look()).items():
            yield f"event: {name}\ndata: {json.dumps(view, separators=(',', ':'))}\n\n"
        await asyncio.sleep(least)
        await keeper.beyond(seen, longest)
