"""A graphics card and a processor judge each other's tiles. Skips where there is no card."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from tegula_market import probes
from tegula_market.adapters import verify
from tegula_market.adapters.statistic import pair_of
from tegula_market.adapters.verify import Rendered
from tegula_market.digests import digest
from tegula_market.model import Outcome, Rect, Scene
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.renderer import Device, Renderer, RenderFailed

pytestmark = pytest.mark.slow

FRAME = Rect(0, 0, scenes.SMALL.resolution_x, scenes.SMALL.resolution_y)
TILE = Rect(16, 0, 80, 61)
CARDS = [device for device in Device if device is not Device.CPU]


async def rendered(
    blend: Path, out: Path, device: Device, spp: int, environment: dict[str, str] | None = None
) -> tuple[Rendered, str]:
    """The tile, and the device's name."""
    async with Renderer(device=device, environment=environment) as renderer:
        scene: Scene = replace(scenes.SMALL, spp=spp, blender=renderer.blender_version)
        done = await renderer.render(blend.parent, blend.name, scene, 1, TILE, out)
        return Rendered(out, TILE), done.device


@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_honest_to_a_processor_and_a_cheat_is_not(tmp_path: Path, card: Device) -> None:
    blend = scenes.build("spheres", tmp_path)

    def render(name: str, device: Device, spp: int = 64, **environment: str) -> tuple[Rendered, str]:
        return asyncio.run(rendered(blend, tmp_path / f"{name}.exr", device, spp, environment))

    try:
        tile, worker = render("card", card)
    except RenderFailed as error:
        pytest.skip(f"no {card} device here, so nothing was shown of it: {error}")
    reference, verifier = render("processor", Device.CPU)
    twin, _ = render("twin", Device.CPU, **OTHER_KERNEL)
    pair = pair_of(worker, verifier)
    rects = probes.place(bytes(32), digest(b"tile"), TILE, probes.plan(TILE, 0, 64))
    screened = verify.screen(tile, rects, [reference] * len(rects), pair)
    assert screened.outcome is Outcome.ACCEPTED or screened.suspected
    assert verify.confirm(tile, TILE, reference, twin, pair).outcome is Outcome.ACCEPTED
    cheat, _ = render("cheat", card, spp=63)
    assert verify.screen(cheat, rects, [reference] * len(rects), pair).suspected
    assert verify.confirm(cheat, TILE, reference, twin, pair).outcome is Outcome.REJECTED
