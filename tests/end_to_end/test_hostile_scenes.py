"""Scenes that mean harm, through the renderer: this machine is unharmed, and the next tile is rendered."""

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import hostile_scenes
import listening
import ordinary
import scenes
from tegula_market.adapters import exr
from tegula_market.model import Rect
from tegula_worker.renderer import Failure, Renderer, RenderFailed
from tegula_worker.sandbox import Sandbox

pytestmark = pytest.mark.slow

FRAME = Rect(0, 0, scenes.SMALL.resolution_x, scenes.SMALL.resolution_y)
PATIENCE = 8.0
"""Seconds for a render that has no end; a good one takes two."""
TIGHT = Sandbox(memory_bytes=1 << 30)


@dataclass(frozen=True)
class Neighbourhood:
    """What could be harmed."""

    folder: Path
    listening: socket.socket
    mark: str

    @property
    def port(self) -> int:
        port: int = self.listening.getsockname()[1]
        return port

    @property
    def canary(self) -> Path:
        return self.folder / "canary"

    def render(self, blend: Path, limit: float = 300.0) -> str:
        """The class of the failure, or nothing. The same renderer then renders a good scene."""

        async def run() -> str:
            environment = {"CYCLES_MARK": self.mark}
            async with Renderer(limit=300, sandbox=TIGHT, environment=environment) as renderer:
                renderer._limit = limit  # of a render: to start Blender can take as long
                try:
                    await tile(renderer, blend, self.folder / "tile.exr")
                    said = ""
                except RenderFailed as error:
                    said = error.failure.value
                renderer._limit = 300
                await tile(renderer, scenes.build("spheres", self.folder), self.folder / "good.exr")
                return said

        said = asyncio.run(run())
        assert exr.read(self.folder / "good.exr").channels["ViewLayer.Combined.R"].any()
        assert not self.canary.exists()
        assert not listening.called(self.listening)
        assert listening.left(self.mark) == []
        return said


async def tile(renderer: Renderer, blend: Path, out: Path) -> None:
    await renderer.render(blend.parent, blend.name, scenes.SMALL, 1, FRAME, out)


@pytest.fixture
def neighbourhood(tmp_path: Path) -> Iterator[Neighbourhood]:
    with listening.listener() as somebody:
        yield Neighbourhood(tmp_path, somebody, f"{tmp_path.name}-{time.monotonic_ns()}")


@pytest.mark.parametrize("kind", ["register", "driver", "node_driver"])
def test_scripts_harm_whoever_trusts_them(neighbourhood: Neighbourhood, kind: str) -> None:
    """What is harmless below is not so by itself."""
    hostile_scenes.trust(hostile_scenes.build(kind, neighbourhood.folder, neighbourhood.port))
    assert neighbourhood.canary.exists()
    assert listening.called(neighbourhood.listening) == (kind == "register")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("register", ""),
        ("writes", ""),
        ("script_node", ""),
        ("driver", Failure.UNSAFE),
        ("node_driver", Failure.UNSAFE),
        ("osl", Failure.UNSAFE),
        ("freestyle", Failure.UNSAFE),
        ("image_bomb", Failure.OUT_OF_MEMORY),
        ("hog", Failure.OUT_OF_MEMORY),
        ("crash", Failure.CRASHED),
    ],
)
def test_a_scene_that_means_harm_does_none(neighbourhood: Neighbourhood, kind: str, answer: str) -> None:
    blend = hostile_scenes.build(kind, neighbourhood.folder, neighbourhood.port)
    assert neighbourhood.render(blend) == answer


def test_a_scene_without_end_is_given_up(neighbourhood: Neighbourhood) -> None:
    blend = hostile_scenes.build("endless", neighbourhood.folder)
    assert neighbourhood.render(blend, PATIENCE) == Failure.TIMED_OUT


def test_a_file_that_unpacks_without_end(neighbourhood: Neighbourhood) -> None:
    blend = hostile_scenes.zip_bomb(neighbourhood.folder / "bomb.blend")
    assert neighbourhood.render(blend) == Failure.OUT_OF_MEMORY


def test_a_picture_from_elsewhere_is_not_shown(neighbourhood: Neighbourhood) -> None:
    """It is there for a render without walls; inside them there is no such file."""
    elsewhere = neighbourhood.folder / "elsewhere"
    elsewhere.mkdir()
    hostile_scenes.png(elsewhere / "secret.png", 8, 8, 200)
    folder = neighbourhood.folder / "scene"
    folder.mkdir()
    built = hostile_scenes.build("secret", neighbourhood.folder)
    blend = built.rename(folder / built.name)

    def green(sandbox: Sandbox | None) -> float:
        async def run() -> None:
            async with Renderer(sandbox=sandbox) as renderer:
                await tile(renderer, blend, neighbourhood.folder / "tile.exr")

        asyncio.run(run())
        channels = exr.read(neighbourhood.folder / "tile.exr").channels
        lit = channels["ViewLayer.Combined.R"] > 0.5
        assert lit.any()
        return float(np.max(channels["ViewLayer.Combined.G"][lit]))

    assert green(None) > 0.3
    folder.chmod(0o755)
    with pytest.raises(RenderFailed, match="secret") as caught:
        green(TIGHT)
    assert caught.value.failure is Failure.MISSING_ASSET


def test_all_of_it_as_an_ordinary_user() -> None:
    ordinary.run_again(Path(__file__))
