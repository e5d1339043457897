"""How far honest renders of one scene are apart on each two kinds of device, and how fast each kind is.

    python -m verification.pairs --out FOLDER [--device CPU --device CUDA --device OPTIX] [SCENE …]

Every scene is rendered at one seed and sample count by the first device of each kind, twice: once cold, then
warm for the time. FOLDER gets pairs.csv (two devices, a scene), speeds.csv (a device, a scene), the frames,
and crops of their middles. Without --device, all kinds that Blender finds here are compared.
"""

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tegula_market.adapters import statistic
from tegula_market.adapters.statistic import RUNGS
from tegula_market.model import Rect, Scene
from tegula_worker.renderer import Renderer
from tegula_worker.replies import Device, RenderFailed
from verification import kernels, subjects, table
from verification.kernels import Kernel
from verification.picture import COLOURS, Picture
from verification.subjects import Subject

CROP = 64
"""Edge of the crops that are kept, in pixels."""
VISIBLE = RUNGS.index(1e-2)


@dataclass(frozen=True, slots=True)
class Speed:
    scene: str
    device: str
    width: int
    height: int
    spp: int
    load_seconds: float
    cold_seconds: float
    """The first render: on a card, with its kernels being loaded."""
    seconds: float
    """The second one."""
    megasamples_per_second: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two honest frames; shares are of all pixels, 0 to 1."""

    scene: str
    one: str
    other: str
    pixels: int
    bit_equal: float
    visible: float
    """Off by more than 1 % in some channel."""
    rmse: float
    """Of the combined passes' colours, scene-linear."""


def main(
    out: Annotated[Path, typer.Option(help="folder for tables, frames and crops")],
    device: Annotated[list[Device] | None, typer.Option(help="kinds to compare")] = None,
    scenes: Annotated[list[str] | None, typer.Argument(help="all, if none is named")] = None,
) -> None:
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    found = asyncio.run(kinds())
    wanted = list(dict.fromkeys(device or found))
    for kind in sorted({Device.CUDA, Device.OPTIX, *wanted} - set(found)):
        print(f"SKIPPED: Blender finds no {kind} device here, so nothing is measured of it", flush=True)
    used = [kind for kind in wanted if kind in found]
    speeds: list[Speed] = []
    differences: list[Difference] = []
    failed = len(used) < len(device or ())
    for name in scenes or subjects.names():
        blend = subjects.SHARED_SCENES.get(name)
        if blend is not None and not blend.exists():
            print(f"SKIPPED: {blend} is not there, so {name} is not rendered", flush=True)
            continue
        subject = subjects.subject(name, out / "scenes")
        pictures: dict[str, Picture] = {}
        for kind in used:
            try:
                speed, picture = asyncio.run(_measured(subject, kind, out))
            except RenderFailed as error:
                print(f"FAILED: {name} on {kind}: {error}", flush=True)
                failed = True
                continue
            speeds.append(speed)
            pictures[speed.device] = picture
            print(
                f"{name:20} {speed.device:40} {speed.megasamples_per_second:8.2f} megasamples/s", flush=True
            )
        differences += compared(name, pictures)
        # Whatever comes next, what was measured is kept.
        _write(out, speeds, differences)
    for line in worst(differences):
        print(line)
    raise typer.Exit(1 if failed else 0)


async def kinds() -> list[Device]:
    """That Blender finds here, in its order."""
    async with renderer(Device.CPU) as scout:
        return list(dict.fromkeys(found.kind for found in scout.devices))


def renderer(kind: Device) -> Renderer:
    return kernels.renderer(Kernel(kind, kind))


def compared(scene: str, pictures: dict[str, Picture]) -> Iterator[Difference]:
    """Each two of them. Args: pictures: by device."""
    for (one, mine), (other, theirs) in itertools.combinations(pictures.items(), 2):
        yield difference(scene, one, mine, other, theirs)


def difference(scene: str, one: str, mine: Picture, other: str, theirs: Picture) -> Difference:
    """The second picture is the reference, as a verifier's is."""
    _, height, width = theirs.values.shape
    whole = (Rect(0, 0, width, height),)
    counts = statistic.tally(statistic.levels(mine.planes(whole), theirs.planes(whole)))
    pixels = width * height
    chosen = theirs.channels(*COLOURS)
    squares = (mine.values[chosen].astype(float) - theirs.values[chosen].astype(float)) ** 2
    rmse = float(np.sqrt(squares.mean()))
    return Difference(scene, one, other, pixels, 1 - counts[0] / pixels, counts[VISIBLE] / pixels, rmse)


def worst(differences: Sequence[Difference]) -> Iterator[str]:
    """A line for each pair of devices."""
    for one, other in dict.fromkeys((each.one, each.other) for each in differences):
        mine = [each for each in differences if (each.one, each.other) == (one, other)]
        equal = sum(each.bit_equal * each.pixels for each in mine) / sum(each.pixels for each in mine)
        far = max(mine, key=lambda each: each.visible)
        yield (
            f"{one} x {other}: {equal:.2%} of the pixels bit-equal; worst scene {far.scene}:"
            f" {far.visible:.3%} off by more than 1 %, RMSE {far.rmse:.2g}"
        )


async def _measured(subject: Subject, kind: Device, out: Path) -> tuple[Speed, Picture]:
    scene, blend = subject.scene, subject.blend
    frame = Rect(0, 0, scene.resolution_x, scene.resolution_y)
    path = out / f"{subject.name}-{kind}.exr"
    async with renderer(kind) as used:
        cold = await used.render(blend.parent, blend.name, scene, subject.frame, frame, path)
        warm = await used.render(blend.parent, blend.name, scene, subject.frame, frame, path)
    picture = Picture.read(path)
    picture.cut(middle(scene)).write(out / f"{subject.name}-{kind}-crop.exr")
    rate = frame.area * scene.spp / 1e6 / warm.seconds
    size = frame.width, frame.height, scene.spp
    return Speed(
        subject.name, warm.device, *size, cold.load_seconds, cold.seconds, warm.seconds, rate
    ), picture


def middle(scene: Scene) -> Rect:
    width, height = min(CROP, scene.resolution_x), min(CROP, scene.resolution_y)
    x, y = (scene.resolution_x - width) // 2, (scene.resolution_y - height) // 2
    return Rect(x, y, x + width, y + height)


def _write(out: Path, speeds: Iterable[Speed], differences: Iterable[Difference]) -> None:
    table.write(out / "speeds.csv", [field.name for field in fields(Speed)], map(astuple, speeds))
    table.write(out / "pairs.csv", [field.name for field in fields(Difference)], map(astuple, differences))


if __name__ == "__main__":
    typer.run(main)
