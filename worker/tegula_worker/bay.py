"""One device at work: a warm Blender for each scene that it holds, one render at a time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tegula_market.model import Rect, Scene
from tegula_worker import known
from tegula_worker.renderer import Rendered, Renderer
from tegula_worker.replies import Device, FoundDevice, RenderFailed
from tegula_worker.residence import resident
from tegula_worker.warmth import Held, Shelf


class Opened(NamedTuple):
    """A scene as it is rendered: another seed is another process."""

    folder: Path
    blend: str
    scene: Scene


Make: TypeAlias = Callable[[FoundDevice], Renderer]


class Bay:
    def __init__(self, device: FoundDevice, make: Make) -> None:
        self.device = device
        self.busy = False
        self.aside = ""
        """Why it is not used any more; empty while it is."""
        self.strikes: frozenset[Opened] = frozenset()
        """Scenes that it failed on since it last rendered one, and that another device could render."""
        self._make = make
        self._warm: dict[Opened, Renderer] = {}
        self._held: dict[Opened, Held[Opened]] = {}

    @property
    def shelf(self) -> Shelf[Opened]:
        return Shelf(self.busy, tuple(self._held.values()))

    async def render(self, opened: Opened, frame: int, rect: Rect, out: Path, used: int) -> Rendered:
        """As `Renderer.render`. A scene that failed is held no longer.

        Args:
            used: how many tiles the pool has had.
        """
        if opened not in self._warm and self.device.kind is not Device.CPU:
            # Two scenes on a card push each other out into the machine's memory, and nobody says so.
            await self.let_go(*self._warm)
        renderer = self._warm.setdefault(opened, self._make(self.device))
        self._held[opened] = Held(opened, 0, used)
        try:
            rendered = await renderer.render(*opened, frame, rect, out)
        except BaseException:
            await self.let_go(opened)
            raise
        size = await asyncio.to_thread(resident, renderer.pid) if renderer.pid else 0
        self._held[opened] = Held(opened, size, used)
        self.strikes = frozenset()
        return rendered

    async def examine(self, started: Renderer | None = None) -> RenderFailed | None:
        """What is wrong with the device, by the known scene; None if nothing is.

        Args:
            started: spares the start of another process; is closed.
        """
        renderer = started or self._make(self.device)
        try:
            await known.ask(renderer)
        except RenderFailed as error:
            return error
        finally:
            await renderer.close()
        return None

    async def let_go(self, *opened: Opened) -> None:
        for each in opened:
            self._held.pop(each, None)
            renderer = self._warm.pop(each, None)
            if renderer is not None:
                await renderer.close()

    async def close(self) -> None:
        """End all; a render that is under way fails."""
        await self.let_go(*self._warm)
