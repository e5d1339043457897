"""How fast devices render the known scene, kept in the data folder by device, driver and Blender."""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import MEGASAMPLE, Rect, Wei
from tegula_worker import known
from tegula_worker.cards import Facts
from tegula_worker.renderer import Renderer
from tegula_worker.replies import FoundDevice

NAME = "speeds.json"
"""In the data folder."""
EDGE = 4096
"""Pixels of the largest picture, each way: a gigasample, some seconds of the fastest card."""
LEAST_SECONDS = 3.0
"""A render that took as long is measured well enough."""
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Speed:
    device: str
    """In words."""
    id: str
    blender: str
    driver: str
    megasamples_per_second: float
    load_seconds: float
    """From no process to the end of the first small render."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """All that was measured here."""

    measured: tuple[Speed, ...] = ()

    def of(self, device: FoundDevice, facts: Facts, blender: str) -> Speed | None:
        """The last that was measured of this device with this driver and this Blender."""
        wanted = (device.words, device.id, facts.driver, blender)
        found = [s for s in self.measured if (s.device, s.id, s.driver, s.blender) == wanted]
        return found[-1] if found else None

    def having(self, speed: Speed) -> "Speeds":
        same = (speed.id, speed.device, speed.blender)
        return Speeds((*(s for s in self.measured if (s.id, s.device, s.blender) != same), speed))


def load(path: Path) -> Speeds:
    """What was measured before; nothing if that cannot be read: it is measured again."""
    try:
        return codec.loads(Speeds, path.read_bytes())
    except (OSError, MalformedInput):
        return Speeds()


def save(path: Path, speeds: Speeds) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(codec.dumps(speeds))
    partial.replace(path)


async def measure(renderer: Renderer, device: FoundDevice, facts: Facts) -> Speed:
    """Renders ever larger parts of the known scene until one takes long enough.

    Raises:
        RenderFailed: the device cannot; the message says why.
    """
    await renderer.start()
    scene = known.scene(renderer.blender_version, EDGE)
    with tempfile.TemporaryDirectory(prefix="tegula-bench-") as folder:
        out = Path(folder) / "part.exr"
        first = await renderer.render(
            known.FOLDER, known.BLEND, scene, 1, Rect(0, 0, known.EDGE, known.EDGE), out
        )
        for rect in _parts():
            rendered = await renderer.render(known.FOLDER, known.BLEND, scene, 1, rect, out)
            if rendered.seconds >= LEAST_SECONDS:
                break
    megasamples = rect.width * rect.height * scene.spp / MEGASAMPLE
    rate = megasamples / rendered.seconds
    seconds = first.load_seconds + first.seconds
    return Speed(device.words, device.id, renderer.blender_version, facts.driver, rate, seconds)


def price_per_megasample(per_hour: Wei, megasamples_per_second: float) -> Wei:
    """What to ask for a megasample so that a device that is always busy earns so much an hour.

    Rounded up to the next token unit, so that it never earns less.

    Args:
        per_hour: token units.
        megasamples_per_second: above 0, as measured; scenes harder than the known one earn as much less.
    """
    return Wei(math.ceil(per_hour / (Fraction(megasamples_per_second) * HOUR)))


def _parts() -> Iterator[Rect]:
    """In the middle of the picture, each four times as large as the one before."""
    edge = 2 * known.EDGE
    while edge <= EDGE:
        corner = (EDGE - edge) // 2
        yield Rect(corner, corner, corner + edge, corner + edge)
        edge *= 2
