"""Dishonest workers and verifiers, real ones with another renderer: `python cheats.py KIND WORKER.toml`."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import hostile

from tegula_market.adapters import logs
from tegula_market.model import Rect, Scene
from tegula_worker import config, program
from tegula_worker.renderer import Rendered, Renderer


class SampleTooFew(Renderer):
    async def render(self, folder: Path, blend: str, scene: Scene, *rest: Any) -> Rendered:
        return await super().render(folder, blend, replace(scene, spp=scene.spp - 1), *rest)


class OtherSeed(Renderer):
    async def render(self, folder: Path, blend: str, scene: Scene, *rest: Any) -> Rendered:
        return await super().render(folder, blend, replace(scene, seed=scene.seed + 1), *rest)


class NeighboursTile(Renderer):
    async def render(
        self, folder: Path, blend: str, scene: Scene, frame: int, rect: Rect, out: Path
    ) -> Rendered:
        width = scene.resolution_x * scene.percentage // 100
        aside = rect.width if rect.x1 + rect.width <= width else -rect.width
        return await super().render(folder, blend, scene, frame, rect.moved(aside, 0), out)


class Hostile(Renderer):
    """Delivers a file of a kind of `hostile.make`."""

    kind = ""

    async def render(self, *args: Any) -> Rendered:
        rendered = await super().render(*args)
        whole = rendered.path.rename(rendered.path.with_name("whole.exr"))
        await asyncio.to_thread(hostile.make, self.kind, whole, rendered.path)
        return rendered


KINDS: dict[str, type[Renderer]] = {
    "fewer": SampleTooFew,
    "seed": OtherSeed,
    "neighbour": NeighboursTile,
    **{
        kind: type(kind, (Hostile,), {"kind": kind})
        for kind in ("huge", "channels", "truncated", "deep", "magic", "bomb")
    },
}


def main() -> None:
    kind, path = sys.argv[1:]
    logs.configure(0)
    settings = config.load(Path(path), {}, {})
    asyncio.run(program.run(settings, renderer=KINDS[kind](settings.blender)))


if __name__ == "__main__":
    main()
