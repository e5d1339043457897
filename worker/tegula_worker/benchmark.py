"""`tegula-worker bench`: every device that Blender finds, one by one: whether it is right, and how fast."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tegula_worker import cards, known, speeds
from tegula_worker.config import Config
from tegula_worker.program import renderers
from tegula_worker.renderer import Renderer
from tegula_worker.replies import FoundDevice, RenderFailed


async def run(config: Config, tell: Callable[[str], object]) -> int:
    """Tells a JSON line for each device; how many failed.

    Raises:
        RenderFailed: there is no such Blender.
    """
    failed = 0
    make = await renderers(config)
    for device in await _found(make):
        try:
            told = await _measured(make, device, config.data / speeds.NAME)
        except RenderFailed as error:
            failed += 1
            told = {"device": device.words, "id": device.id, "failure": error.failure, "reason": str(error)}
        tell(json.dumps(told))
    return failed


async def _found(make: Callable[..., Renderer]) -> tuple[FoundDevice, ...]:
    async with make() as renderer:
        return renderer.devices


async def _measured(make: Callable[..., Renderer], device: FoundDevice, path: Path) -> dict[str, object]:
    facts = cards.facts(device)
    async with make(device=device.kind, card=device.id) as renderer:
        await known.ask(renderer)
        speed = await speeds.measure(renderer, device, facts)
    speeds.save(path, speeds.load(path).having(speed))
    return {**asdict(speed), "memory": facts.memory}
