"""Cards that are not here: a renderer for each, with what its device can and what it holds."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tegula_market.adapters import exr
from tegula_market.model import Rect, Scene
from tegula_worker import known
from tegula_worker.renderer import Rendered
from tegula_worker.replies import Device, Failure, FoundDevice, RenderFailed

CPU = FoundDevice(Device.CPU, "AMD EPYC", "CPU")
RTX = "NVIDIA GeForce RTX 3090"
FIRST = FoundDevice(Device.OPTIX, RTX, f"CUDA_{RTX}_0000:21:00_OptiX")
SECOND = FoundDevice(Device.OPTIX, RTX, f"CUDA_{RTX}_0000:41:00_OptiX")
AS_CUDA = FoundDevice(Device.CUDA, RTX, f"CUDA_{RTX}_0000:21:00")
RADEON = FoundDevice(Device.HIP, "AMD Radeon RX 6800", "HIP_AMD Radeon RX 6800_0000:03:00")
BLENDER = "4.5.15"


@dataclass
class Machine:
    """What every renderer that it makes knows, and what became of it."""

    devices: tuple[FoundDevice, ...] = (CPU,)
    known: dict[FoundDevice, Failure | float] = field(default_factory=dict)
    """What comes of the known scene: a failure, or what all its pixels are multiplied with."""
    failures: dict[tuple[FoundDevice, str], list[Failure]] = field(default_factory=dict)
    """Of a device on a scene, one for each try, then none."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes that a scene takes once it is loaded."""
    rendered: list[tuple[FoundDevice, str]] = field(default_factory=list)
    examined: list[FoundDevice] = field(default_factory=list)
    alive: "list[FakeCard]" = field(default_factory=list)
    going: asyncio.Event = field(default_factory=asyncio.Event)
    """Is cleared to hold renders up."""
    begun: "asyncio.Queue[FoundDevice]" = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.going.set()

    @property
    def make(self) -> Callable[[FoundDevice], Any]:
        return lambda device: FakeCard(self, device)

    def resident(self, pid: int) -> int:
        """In place of `bay.resident`."""
        return next((self.sizes.get(card.scene, 0) for card in self.alive if id(card) == pid), 0)

    def warm(self) -> list[tuple[FoundDevice, str]]:
        return [(card.device, card.scene) for card in self.alive if card.scene]


class FakeCard:
    blender_version = BLENDER

    def __init__(self, machine: Machine, device: FoundDevice) -> None:
        found = (each for each in machine.devices if each.kind is device.kind and device.id in {"", each.id})
        self.machine, self.device, self.scene = machine, next(found, device), ""
        self.device_name, self.devices = self.device.words, machine.devices

    @property
    def pid(self) -> int | None:
        return id(self) if self in self.machine.alive else None

    async def start(self) -> None:
        if self not in self.machine.alive:
            self.machine.alive.append(self)

    async def close(self) -> None:
        if self in self.machine.alive:
            self.machine.alive.remove(self)

    async def render(
        self, folder: Path, blend: str, _scene: Scene, _frame: int, _rect: Rect, out: Path
    ) -> Rendered:
        await self.start()
        if folder == known.FOLDER:
            self._answer(out)
        else:
            await self._render(blend, out)
        load, self.scene = 0.0 if self.scene == blend else 0.25, blend
        return Rendered(out, 0.5, load, self.device_name, BLENDER)

    def _answer(self, out: Path) -> None:
        self.machine.examined.append(self.device)
        fault = self.machine.known.get(self.device, 1.0)
        if isinstance(fault, Failure):
            raise RenderFailed(fault, f"the card says {fault}")
        shutil.copyfile(known.ANSWER, out)
        if fault != 1.0:
            image = exr.read(out)
            scaled = {name: np.float32(fault) * plane for name, plane in image.channels.items()}
            exr.write(out, exr.Image(image.width, image.height, scaled))

    async def _render(self, blend: str, out: Path) -> None:
        self.machine.rendered.append((self.device, blend))
        self.machine.begun.put_nowait(self.device)
        await self.machine.going.wait()
        failures = self.machine.failures.get((self.device, blend), [])
        if failures:
            failure = failures.pop(0)
            raise RenderFailed(failure, f"the card says {failure}")
        await asyncio.to_thread(out.write_bytes, f"{blend} by {self.device.id}".encode())
