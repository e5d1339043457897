"""All devices of this worker, to the rest of it one renderer: scenes stay warm, bad devices are set aside.

A device is set aside if it is gone, if it renders the known scene wrong, or if it fails on scene after scene
that another device here can render. A scene alone can do none of that, or whoever orders it would choose who
is in the market.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import structlog

from tegula_market.model import Rect, Scene
from tegula_worker import devices, warmth
from tegula_worker.bay import Bay, Make, Opened
from tegula_worker.events import Equipped
from tegula_worker.renderer import Rendered, Renderer
from tegula_worker.replies import OF_THE_DEVICE, Device, Failure, FoundDevice, RenderFailed

STRIKES = 3
"""Scenes in a row."""
MAX_SLOTS = 64
"""A coordinator takes no more of one worker."""
GONE = frozenset((Failure.NO_DEVICE, Failure.LOST_DEVICE))
DOUBTFUL = OF_THE_DEVICE | {Failure.CRASHED, Failure.NOT_RENDERED}
"""After these the known scene tells whether it is the device."""
ELSEWHERE = OF_THE_DEVICE | {Failure.CRASHED, Failure.OUT_OF_GPU_MEMORY}
"""Another device here may do better."""
ANY_CPU = FoundDevice(Device.CPU, "", "")

log = structlog.get_logger(__name__)


class Pool:
    """Renders on whatever device is free.

    Args:
        make: a renderer for a device; each keeps one scene warm.
        wanted: as `devices.chosen` takes it.
        budget: bytes of the machine's memory that warm scenes may keep, all in all.
        slots: tiles that are taken for each device at a time.
        alike: use only devices that have the first one's name, as a verifier must.
    """

    def __init__(
        self, make: Make, wanted: Sequence[str], budget: int, *, slots: int = 1, alike: bool = False
    ) -> None:
        self._make, self._wanted, self._budget = make, wanted, budget
        self._slots, self._alike = slots, alike
        self._bays: list[Bay] = []
        self._too_large: set[tuple[Bay, Opened]] = set()
        self._freed = asyncio.Condition()
        self._tiles = 0
        self.changes: asyncio.Queue[Equipped] = asyncio.Queue()
        """Tells when a device is set aside."""
        self.blender_version = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Find the devices, and have each show that it renders right.

        Raises:
            RenderFailed: there is no such Blender, or no device that can be used.
        """
        scout = self._make(ANY_CPU)
        try:
            await scout.start()
            self.blender_version = scout.blender_version
            picked = devices.chosen(scout.devices, self._wanted)
            self._bays = [
                Bay(each, self._make) for each in (devices.alike(picked) if self._alike else picked)
            ]
            await self._examine(scout)
        finally:
            await scout.close()

    async def close(self) -> None:
        for bay in self._bays:
            await bay.close()

    @property
    def devices(self) -> tuple[FoundDevice, ...]:
        """Those that are used."""
        return tuple(bay.device for bay in self._bays if not bay.aside)

    @property
    def standing(self) -> tuple[tuple[FoundDevice, str], ...]:
        """All devices, each with the reason why it is set aside, if it is."""
        return tuple((bay.device, bay.aside) for bay in self._bays)

    @property
    def device_name(self) -> str:
        return devices.in_words(self.devices)

    @property
    def slots(self) -> int:
        return min(MAX_SLOTS, self._slots * len(self.devices))

    async def render(
        self, folder: Path, blend: str, scene: Scene, frame: int, rect: Rect, out: Path
    ) -> Rendered:
        """As `Renderer.render`, and once more on each other device if the fault may be the first one's.

        Raises:
            RenderFailed: by the device that tried last.
        """
        opened = Opened(folder, blend, scene)
        failed: dict[Bay, RenderFailed] = {}
        while True:
            async with self._turn(opened, failed) as bay:
                self._tiles += 1
                try:
                    rendered = await bay.render(opened, frame, rect, out, self._tiles)
                except RenderFailed as error:
                    if error.failure is Failure.OUT_OF_MEMORY and await self._make_room(bay):
                        continue
                    await self._doubt(bay, opened, error)
                    failed[bay] = error
                    if error.failure not in ELSEWHERE or not self._usable(opened, failed):
                        raise
                    continue
            await self._strike(failed, opened)
            await self._tidy()
            return rendered

    async def _examine(self, scout: Renderer) -> None:
        """All at once; the scout is the processor's."""
        async with asyncio.TaskGroup() as tasks:
            scouts = [scout if bay.device.kind is Device.CPU else None for bay in self._bays]
            asked = [
                tasks.create_task(bay.examine(each)) for bay, each in zip(self._bays, scouts, strict=True)
            ]
        faults = [answer.result() for answer in asked]
        for bay, fault in zip(self._bays, faults, strict=True):
            if fault is not None:
                self._set_aside(bay, str(fault))
        if not self.devices:
            raise next(fault for fault in faults if fault is not None)

    @asynccontextmanager
    async def _turn(self, opened: Opened, failed: Collection[Bay]) -> AsyncIterator[Bay]:
        """A device for as long as the context lasts."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._free(opened, failed) or not self._usable(opened, failed))
            bay = self._free(opened, failed)
            if bay is None:
                raise self._none_left()
            bay.busy = True
        try:
            yield bay
        finally:
            bay.busy = False
            await self._clear(bay)
            async with self._freed:
                self._freed.notify_all()

    def _free(self, opened: Opened, failed: Collection[Bay]) -> Bay | None:
        usable = self._usable(opened, failed)
        barred = frozenset(n for n, bay in enumerate(self._bays) if bay not in usable)
        place = warmth.choose([bay.shelf for bay in self._bays], opened, barred)
        return None if place is None else self._bays[place]

    def _usable(self, opened: Opened, failed: Collection[Bay]) -> list[Bay]:
        here = [bay for bay in self._bays if not bay.aside and bay not in failed]
        return [bay for bay in here if (bay, opened) not in self._too_large]

    def _none_left(self) -> RenderFailed:
        failure = Failure.OUT_OF_GPU_MEMORY if self.devices else Failure.NO_DEVICE
        why = "; ".join(bay.aside or f"{bay.device.words} has too little memory" for bay in self._bays)
        return RenderFailed(failure, f"no device here can render the scene: {why}")

    async def _doubt(self, bay: Bay, opened: Opened, error: RenderFailed) -> None:
        """Whether it is the device; if so, it is not used any more."""
        if error.failure is Failure.OUT_OF_GPU_MEMORY:
            self._too_large.add((bay, opened))
        fault = await bay.examine() if error.failure in DOUBTFUL - GONE else None
        if error.failure in GONE:
            fault = error
        if fault is not None:
            self._set_aside(bay, str(fault))

    async def _strike(self, failed: Collection[Bay], opened: Opened) -> None:
        """Another device has rendered what these could not."""
        for bay in failed:
            if bay.aside or (bay, opened) in self._too_large:
                continue
            bay.strikes |= {opened}
            if len(bay.strikes) >= STRIKES:
                said = (
                    f"{bay.device.words} failed on {STRIKES} scenes in a row that another device here renders"
                )
                self._set_aside(bay, said)
                await self._clear(bay)

    def _set_aside(self, bay: Bay, reason: str) -> None:
        bay.aside = reason
        log.warning("device set aside", device=bay.device.words, id=bay.device.id, reason=reason)
        self.changes.put_nowait(Equipped(self.device_name, self.slots, reason))

    async def _make_room(self, failed: Bay) -> bool:
        """Whether there were scenes that could be let go, for one that did not find memory."""
        idle = [bay for bay in self._bays if (bay is failed or not bay.busy) and bay.shelf.held]
        for bay in idle:
            for held in bay.shelf.held:
                if bay is failed or not bay.busy:  # a tile may have begun meanwhile
                    await bay.let_go(held.scene)
        return bool(idle)

    async def _clear(self, bay: Bay) -> None:
        """What is set aside holds no memory."""
        if bay.aside and not bay.busy:
            await bay.close()

    async def _tidy(self) -> None:
        """Looks anew after each step, since a tile may have begun meanwhile."""
        while gone := warmth.surplus([bay.shelf for bay in self._bays], self._budget):
            place, scene = gone[0]
            await self._bays[place].let_go(scene)
