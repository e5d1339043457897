"""Renders rects of frames in a warm child process, and replaces the child when it fails.

A child is started in a sandbox for one scene and is never given another: it sees that scene only,
nothing of a scene, its settings or a hostile file outlives it, and a fresh process costs a second.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self, TypeVar

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import Rect, Scene
from tegula_market.tiling import border, frame_size
from tegula_worker.child import Cell, Child, ChildDied, ChildOutgrown
from tegula_worker.replies import Device, Drawn, Failure, FoundDevice, Hello, Loaded, Refusal, RenderFailed
from tegula_worker.sandbox import NoSandbox, Sandbox

__all__ = ["Device", "Failure", "RenderFailed", "Rendered", "Renderer"]

RENDER_CHILD = str(Path(__file__).with_name("render_child.py"))
BLENDER_OPTIONS = ("-b", "--factory-startup", "--disable-autoexec", "--python", RENDER_CHILD, "--")
PINNED = ("resolution_x", "resolution_y", "percentage", "spp", "seed", "adaptive", "view_layers")

SANDBOX = Sandbox()

Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class Rendered:
    path: Path
    seconds: float
    load_seconds: float
    """Starting a process for the scene and opening it; 0 when it was warm."""
    device: str
    blender: str


class Renderer:
    """One child at a time; renders that overlap wait for each other.

    Args:
        blender: a Blender program; None is the bpy module of this Python.
        card: Cycles' id of the only device used, which tells equal ones apart; the first of its kind without.
        limit: seconds after which a start or a render is given up.
        environment: variables for the child, e.g. Cycles' own.
        sandbox: around every child; None for scenes that may do here whatever this program may.
        scratch: gets the children's folders; None is where the system has temporary files.
    """

    def __init__(
        self,
        blender: Path | None = None,
        *,
        device: Device = Device.CPU,
        card: str = "",
        limit: float = 3600,
        environment: Mapping[str, str] | None = None,
        sandbox: Sandbox | None = SANDBOX,
        scratch: Path | None = None,
    ) -> None:
        bpy = (str(_python()), "-I", RENDER_CHILD)
        program = None if blender is None else Path(shutil.which(blender) or blender).resolve()
        self._command = bpy if program is None else (str(program), *BLENDER_OPTIONS)
        self._tools, self._sandbox, self._scratch = _tools(program), sandbox, scratch
        self._device, self._card = device, card
        self._limit, self._environment = limit, environment or {}
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._hello: Hello | None = None
        self._warm: tuple[Path, str, Scene] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Have a child without a scene say what is here, unless one has: `blender_version`, `device_name`.

        Raises:
            NoSandbox: there is none to be had here.
            RenderFailed: there is no such Blender here, or not the device.
        """
        if self._sandbox is not None:
            await asyncio.to_thread(self._sandbox.check, self._tools)
        async with self._turn, self._supervised():
            if self._hello is None:
                await self._start_child()
                await self._drop_child()

    async def render(
        self, folder: Path, blend: str, scene: Scene, frame: int, rect: Rect, out: Path
    ) -> Rendered:
        """Render `rect` of a frame, cropped to it, every enabled view layer in one EXR at `out`.

        Args:
            folder: holds the scene's files as its manifest lists them; `blend` is a path below it.
        Raises:
            RenderFailed: no image came of it; the next call starts a fresh child.
        """
        edges = border(rect, *frame_size(scene.resolution_x, scene.resolution_y, scene.percentage))
        async with self._turn, self._supervised():
            load_seconds = await self._warm_up(folder, blend, scene)
            drawn = await self._ask(Drawn, "render", frame=frame, border=asdict(edges))
            assert self._child is not None
            await asyncio.to_thread(self._child.take, out)
            return Rendered(out, drawn.seconds, load_seconds, self.device_name, self.blender_version)

    async def close(self) -> None:
        """End the child; a render that is under way fails."""
        if self._child is not None:
            self._child.kill()
        async with self._turn:
            await self._drop_child()

    @property
    def blender_version(self) -> str:
        """For example "4.5.15"; known once started."""
        return self._said.blender

    @property
    def device_name(self) -> str:
        """For example "CPU AMD EPYC"; known once started."""
        return self._used(self._said).words

    @property
    def devices(self) -> tuple[FoundDevice, ...]:
        """All that Cycles finds here; known once started."""
        return self._said.devices

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return self._child.pid if self._child else None

    @property
    def _said(self) -> Hello:
        if self._hello is None:
            raise RuntimeError("the renderer was never started")
        return self._hello

    async def _warm_up(self, folder: Path, blend: str, scene: Scene) -> float:
        """Have a child with this scene loaded; the seconds that it took."""
        # An idle child is ended where another one needs the memory.
        if self._warm == (folder, blend, scene) and self._child is not None and not self._child.ended:
            return 0.0
        started = time.monotonic()
        await self._drop_child()
        await self._start_child(folder)
        if scene.blender != self.blender_version:
            raise RenderFailed(
                Failure.MISMATCH,
                f"the order wants Blender {scene.blender}; this worker has {self.blender_version}",
            )
        settings = {name: value for name, value in asdict(scene).items() if name in PINNED}
        where, card = str((folder / blend).absolute()), self._used(self._said).id
        await self._ask(Loaded, "load", blend=where, scene=settings, device=self._device, card=card)
        self._warm = (folder, blend, scene)
        return time.monotonic() - started

    async def _start_child(self, folder: Path | None = None) -> None:
        """Without a scene's folder, one that only looks round for devices."""
        try:
            cell = self._cell(folder)
            self._child = await Child.start(self._command, self._environment, cell, self._scratch)
            hello = await self._reply(Hello)
        except (OSError, ChildDied) as error:
            why = f"{self._command[0]} did not start as a Blender: {error}"
            raise RenderFailed(
                Failure.NOT_STARTED, f"{why}; install bpy or name a Blender program"
            ) from error
        self._used(hello)
        self._hello = hello

    def _used(self, hello: Hello) -> FoundDevice:
        """
        Raises:
            RenderFailed: it is not there, or not there any more.
        """
        kind, card = self._device, self._card
        for found in hello.devices:
            if found.kind == kind and card in {"", found.id}:
                return found
        if self._hello is None:
            raise RenderFailed(Failure.NO_DEVICE, f"Blender finds no {kind} device {card}".rstrip() + " here")
        sentence = f"{self.device_name} is gone: Blender does not find it any more; look at its driver"
        raise RenderFailed(Failure.LOST_DEVICE, sentence)

    def _cell(self, folder: Path | None) -> Cell | None:
        if self._sandbox is None:
            return None
        visible = self._tools if folder is None else (*self._tools, folder.absolute())
        return Cell(self._sandbox, visible, gpu=folder is None or self._device is not Device.CPU)

    async def _drop_child(self) -> None:
        child, self._child, self._warm = self._child, None, None
        if child is not None:
            await child.close()

    async def _ask(self, kind: type[Reply], command: str, **arguments: object) -> Reply:
        assert self._child is not None
        self._child.send(command=command, **arguments)
        return await self._reply(kind)

    async def _reply(self, kind: type[Reply]) -> Reply:
        assert self._child is not None
        reply = await self._child.reply()
        if "failure" in reply:
            refusal = codec.decode(Refusal, reply)
            raise RenderFailed(refusal.failure, refusal.sentence)
        return codec.decode(kind, reply)

    @asynccontextmanager
    async def _supervised(self) -> AsyncIterator[None]:
        """Whatever goes wrong inside, cancellation too, ends the child."""
        try:
            async with asyncio.timeout(self._limit):
                yield
        except BaseException as error:
            await self._drop_child()
            if isinstance(error, TimeoutError):
                sentence = f"the render was given up after {self._limit:g} seconds"
                raise RenderFailed(Failure.TIMED_OUT, sentence) from error
            if isinstance(error, ChildOutgrown):
                raise RenderFailed(Failure.OUT_OF_MEMORY, str(error)) from error
            if isinstance(error, NoSandbox):
                raise RenderFailed(Failure.NOT_STARTED, str(error)) from error
            if isinstance(error, ChildDied | MalformedInput):
                raise RenderFailed(Failure.CRASHED, str(error)) from error
            raise


def _tools(program: Path | None) -> tuple[Path, ...]:
    """What has to be seen for a child to run, besides what all programs of a system need."""
    script = Path(RENDER_CHILD)
    if program is not None:
        return program.parent, script
    home = _python().resolve().parents[1]
    return (*{Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), home}, script)


def _python() -> Path:
    """This one, by a path without links and dots, which lead nowhere in a sandbox. But the last link stays:
    it tells the virtual environment."""
    python = Path(sys.executable)
    return python.parent.resolve() / python.name
