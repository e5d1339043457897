"""Tiles through the renderer against one full frame of plain bpy: every bit of every channel."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scenes
from listening import gone
from scenes import ADAPTIVE, SMALL
from tegula_market.adapters import exr
from tegula_market.model import Adaptive, Rect, Scene
from tegula_market.tiling import frame_size, overscan_for
from tegula_worker.child import _Output
from tegula_worker.renderer import Device, Failure, Rendered, Renderer, RenderFailed

pytestmark = pytest.mark.slow

EDGE = 37
"""Divides neither side of any frame below."""
UNENDING = replace(SMALL, spp=1_000_000)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


def grid(width: int, height: int, edge: int) -> Iterator[Rect]:
    for y in range(0, height, edge):
        for x in range(0, width, edge):
            yield Rect(x, y, min(x + edge, width), min(y + edge, height))


async def stitched(
    renderer: Renderer, blend: Path, scene: Scene, frame: int, out: Path, edge: int
) -> dict[str, exr.Plane]:
    """The frame, tile by tile through one warm child, overscan cut off, pasted by hand."""
    width, height = frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    margin = overscan_for(scene.adaptive, scene.spp)
    planes: dict[str, exr.Plane] = {}
    for rect in grid(width, height, edge):
        rendered = rect.grown(margin, Rect(0, 0, width, height))
        await renderer.render(blend.parent, blend.name, scene, frame, rendered, out)
        tile = exr.read(out)
        assert (tile.width, tile.height) == (rendered.width, rendered.height)
        left, top = rect.x0 - rendered.x0, rect.y0 - rendered.y0
        for name, plane in tile.channels.items():
            whole = planes.setdefault(name, np.zeros((height, width), np.float32))
            whole[rect.y0 : rect.y1, rect.x0 : rect.x1] = plane[
                top : top + rect.height, left : left + rect.width
            ]
    return planes


def differing(ours: dict[str, exr.Plane], theirs: dict[str, exr.Plane]) -> dict[str, int]:
    """Pixels that are not bit-equal, by channel."""
    assert ours.keys() == theirs.keys()
    counts = {n: int((ours[n].view(np.uint32) != theirs[n].view(np.uint32)).sum()) for n in ours}
    return {name: count for name, count in counts.items() if count}


def assert_identical(
    blend: Path, scene: Scene, folder: Path, frames: tuple[int, ...] = (1,), edge: int = EDGE
) -> None:
    async def run() -> None:
        async with Renderer() as renderer:
            for frame in frames:
                ours = await stitched(renderer, blend, scene, frame, folder / "tile.exr", edge)
                whole = exr.read(scenes.full_frame(blend, scene, frame, folder / f"full{frame}.exr"))
                assert differing(ours, whole.channels) == {}
                assert all(plane.any() for name, plane in ours.items() if "Combined" in name)

    asyncio.run(run())


def test_tiles_are_the_frame(built: Path, tmp_path: Path) -> None:
    assert_identical(scenes.build("spheres", built), SMALL, tmp_path)


def test_tiles_are_the_frame_with_adaptive_sampling(built: Path, tmp_path: Path) -> None:
    scene = replace(SMALL, spp=64, adaptive=ADAPTIVE)
    assert overscan_for(scene.adaptive, scene.spp) > 0
    assert_identical(scenes.build("spheres", built), scene, tmp_path)


def test_tiles_are_the_frame_when_frames_and_cameras_change(built: Path, tmp_path: Path) -> None:
    """One warm child goes back and forth, and past a marker that switches the camera."""
    assert_identical(scenes.build("spheres", built), SMALL, tmp_path, frames=(2, 4, 1))


def test_a_warm_child_keeps_nothing_of_another_frame(built: Path, tmp_path: Path) -> None:
    assert_identical(scenes.build("moving", built), SMALL, tmp_path, frames=(1, 2, 4, 2))


def test_tiles_are_the_frame_with_motion_blur(built: Path, tmp_path: Path) -> None:
    assert_identical(scenes.build("blur", built), SMALL, tmp_path, frames=(3, 1))


@pytest.mark.parametrize("adaptive", [None, ADAPTIVE])
@pytest.mark.parametrize(("name", "layers"), [("layers", 2), ("layers_unlike", 3)])
def test_tiles_are_the_frame_in_every_view_layer_and_pass(
    built: Path, tmp_path: Path, name: str, layers: int, adaptive: Adaptive | None
) -> None:
    scene = replace(SMALL, view_layers=layers, adaptive=adaptive, spp=24)
    assert_identical(scenes.build(name, built), scene, tmp_path, frames=(1, 2))


@pytest.mark.parametrize(
    ("size", "percentage"), [((37, 61), 100), ((61, 37), 100), ((359, 641), 25), ((101, 57), 33)]
)
def test_tiles_are_the_frame_at_odd_sizes(
    built: Path, tmp_path: Path, size: tuple[int, int], percentage: int
) -> None:
    scene = replace(SMALL, resolution_x=size[0], resolution_y=size[1], percentage=percentage, spp=2)
    assert_identical(scenes.build("spheres", built), scene, tmp_path, edge=23)


@pytest.mark.parametrize("adaptive", [None, ADAPTIVE])
@pytest.mark.parametrize(
    ("blend", "width", "height", "spp"),
    [
        ("bmw27_cpu.blend", 96, 54, 24),
        ("golem_cubes.blend", 96, 51, 24),
        ("column/the_column.blend", 96, 54, 24),
    ],
)
def test_tiles_are_the_frame_in_real_scenes(
    tmp_path: Path, blend: str, width: int, height: int, spp: int, adaptive: Adaptive | None
) -> None:
    if not scenes.SHARED.is_dir():
        pytest.skip(f"no scenes at {scenes.SHARED}")
    scene = replace(SMALL, resolution_x=width, resolution_y=height, spp=spp, adaptive=adaptive)
    assert_identical(scenes.SHARED / blend, scene, tmp_path)


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set as soon as a child has reported its first samples: it is in the middle of a render."""
    event = asyncio.Event()
    received = _Output.pipe_data_received

    def spy(output: _Output, fd: int, data: bytes) -> None:
        received(output, fd, data)
        if b"Sample" in data:
            event.set()

    monkeypatch.setattr(_Output, "pipe_data_received", spy)
    return event


def child_of(renderer: Renderer) -> int:
    assert renderer._child is not None
    return renderer._child.pid


def with_renderer(work: Callable[[Renderer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Renderer() as renderer:
            await work(renderer)

    asyncio.run(run())


async def small(renderer: Renderer, blend: Path, out: Path, scene: Scene = SMALL) -> Rendered:
    return await renderer.render(blend.parent, blend.name, scene, 1, Rect(0, 0, 20, 20), out)


async def failure(renderer: Renderer, blend: Path, out: Path, scene: Scene = SMALL) -> RenderFailed:
    with pytest.raises(RenderFailed) as caught:
        await small(renderer, blend, out, scene)
    return caught.value


def test_a_scene_stays_warm_and_another_gets_a_fresh_child(built: Path, tmp_path: Path) -> None:
    spheres, blur = scenes.build("spheres", built), scenes.build("blur", built)

    async def work(renderer: Renderer) -> None:
        cold = await small(renderer, spheres, tmp_path / "a.exr")
        first = child_of(renderer)
        warm = await small(renderer, spheres, tmp_path / "a.exr")
        assert cold.load_seconds > 0 == warm.load_seconds
        assert (warm.blender, warm.device) == (renderer.blender_version, renderer.device_name)
        assert child_of(renderer) == first
        await small(renderer, blur, tmp_path / "a.exr")
        second = child_of(renderer)
        await small(renderer, blur, tmp_path / "a.exr", replace(SMALL, seed=8))
        assert len({first, second, child_of(renderer)}) == 3

    with_renderer(work)


def test_an_idle_child_that_has_ended_costs_its_warmth_only(built: Path, tmp_path: Path) -> None:
    spheres = scenes.build("spheres", built)

    async def work(renderer: Renderer) -> None:
        await small(renderer, spheres, tmp_path / "a.exr")
        assert renderer._child is not None
        renderer._child.kill()
        await renderer._child._output.exited.wait()
        assert (await small(renderer, spheres, tmp_path / "a.exr")).load_seconds > 0

    with_renderer(work)


def test_a_child_that_is_killed_in_mid_render_is_replaced(
    built: Path, tmp_path: Path, sampling: asyncio.Event
) -> None:
    spheres = scenes.build("spheres", built)

    async def work(renderer: Renderer) -> None:
        async def kill() -> None:
            await sampling.wait()
            os.kill(child_of(renderer), signal.SIGKILL)

        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            failed = await failure(renderer, spheres, tmp_path / "a.exr", UNENDING)
        assert failed.failure == Failure.CRASHED
        assert "SIGKILL" in str(failed)
        await small(renderer, spheres, tmp_path / "a.exr")

    with_renderer(work)
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]


def test_a_render_that_is_cancelled_leaves_no_child(
    built: Path, tmp_path: Path, sampling: asyncio.Event
) -> None:
    spheres = scenes.build("spheres", built)

    async def work(renderer: Renderer) -> None:
        async with asyncio.TaskGroup() as group:
            render = group.create_task(small(renderer, spheres, tmp_path / "a.exr", UNENDING))
            await sampling.wait()
            pidfd = os.pidfd_open(child_of(renderer))
            render.cancel()
        assert gone(pidfd)
        os.close(pidfd)
        await small(renderer, spheres, tmp_path / "a.exr")

    with_renderer(work)


def test_a_render_past_the_limit_is_given_up(built: Path, tmp_path: Path) -> None:
    spheres = scenes.build("spheres", built)

    async def work(renderer: Renderer) -> None:
        renderer._limit = 1.5
        failed = await failure(renderer, spheres, tmp_path / "a.exr", UNENDING)
        assert failed.failure == Failure.TIMED_OUT
        renderer._limit = 60
        await small(renderer, spheres, tmp_path / "a.exr")

    with_renderer(work)


WORKER = """
import asyncio, sys
from pathlib import Path
from tegula_worker.child import _Output
from tegula_worker.renderer import Renderer
from tegula_market.model import Rect
import scenes, test_renderer

blend, out = map(Path, sys.argv[1:])
received = _Output.pipe_data_received

async def main():
    async with Renderer() as renderer:
        def spy(output, fd, data):
            received(output, fd, data)
            if b"Sample" in data:
                print(renderer._child.pid, flush=True)
        _Output.pipe_data_received = spy
        await test_renderer.small(renderer, blend, out, test_renderer.UNENDING)

asyncio.run(main())
"""


def test_a_child_ends_with_its_killed_parent(built: Path, tmp_path: Path) -> None:
    spheres = scenes.build("spheres", built)
    here = Path(__file__).parent
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(spheres), str(tmp_path / "a.exr")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{here}:{here.parent}", "TMPDIR": str(tmp_path)},
    )
    with worker:
        assert worker.stdout is not None
        pidfd = os.pidfd_open(int(worker.stdout.readline()))
        worker.kill()
    assert gone(pidfd)
    os.close(pidfd)


@pytest.mark.parametrize(
    ("name", "expected", "word"),
    [
        ("no_camera", Failure.NO_CAMERA, "camera"),
        ("workbench", Failure.WRONG_ENGINE, "Cycles"),
        ("freestyle", Failure.UNSAFE, "Freestyle"),
        ("guiding", Failure.NOT_TILEABLE, "path guiding"),
        ("layers", Failure.MISMATCH, "2 view layers"),
        ("pink", Failure.MISSING_ASSET, "uses image lost.png, whose file was not sent"),
        ("orphan", Failure.MISSING_ASSET, "object Metal"),
    ],
)
def test_scenes_that_are_refused(
    built: Path, tmp_path: Path, name: str, expected: Failure, word: str
) -> None:
    blend, good = scenes.build(name, built), scenes.build("spheres", built)

    async def work(renderer: Renderer) -> None:
        failed = await failure(renderer, blend, tmp_path / "a.exr")
        assert failed.failure == expected
        assert word in str(failed)
        await small(renderer, good, tmp_path / "a.exr")

    with_renderer(work)


def test_what_nothing_uses_is_not_missed(built: Path, tmp_path: Path) -> None:
    """Nor what only the compositor uses, which never sees a worker."""
    assert_identical(scenes.build("unmissed", built), SMALL, tmp_path)


def test_layers_that_cost_more_than_the_order_pays_are_refused(built: Path, tmp_path: Path) -> None:
    layers = scenes.build("layers_unlike", built)

    async def work(renderer: Renderer) -> None:
        cheap = replace(SMALL, view_layers=3, spp=4)
        failed = await failure(renderer, layers, tmp_path / "a.exr", cheap)
        assert (failed.failure, "5 samples of its own" in str(failed)) == (Failure.MISMATCH, True)

    with_renderer(work)


@pytest.mark.parametrize("keep", [0, 11, 200, 0.5, 0.98])
def test_a_blend_that_is_cut_short_is_refused(built: Path, tmp_path: Path, keep: float) -> None:
    data = scenes.build("spheres", built).read_bytes()
    short = tmp_path / "short.blend"
    short.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    tmp_path.chmod(0o755)  # what root starts in a sandbox is not root

    async def work(renderer: Renderer) -> None:
        failed = await failure(renderer, short, tmp_path / "a.exr")
        assert failed.failure == Failure.UNREADABLE_SCENE
        assert "short.blend cannot be opened" in str(failed)

    with_renderer(work)


def test_another_blender_than_the_order_wants_is_refused(built: Path, tmp_path: Path) -> None:
    async def work(renderer: Renderer) -> None:
        blend = scenes.build("spheres", built)
        failed = await failure(renderer, blend, tmp_path / "a.exr", replace(SMALL, blender="2.79.0"))
        assert (failed.failure, "2.79.0" in str(failed)) == (Failure.MISMATCH, True)

    with_renderer(work)


def test_a_blender_program_is_run_with_scripts_off(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the program: it takes Blender's options and runs the script with the bpy module."""
    program = tmp_path / "blender"
    program.write_text(
        f'''#!/bin/sh
echo "options: $@"
while [ "$1" != --python ]; do shift; done
script=$2; shift 3
exec "{sys.executable}" -I "$script" "$@"
'''
    )
    for path in (tmp_path, program):
        path.chmod(0o755)
    printed, received = bytearray(), _Output.pipe_data_received

    def spy(output: _Output, fd: int, data: bytes) -> None:
        printed.extend(data)
        received(output, fd, data)

    monkeypatch.setattr(_Output, "pipe_data_received", spy)
    renderer = Renderer(program)
    renderer._tools = (*renderer._tools, *Renderer()._tools)  # the stand-in needs this Python, too

    async def run() -> None:
        async with renderer:
            await small(renderer, scenes.build("spheres", built), tmp_path / "a.exr")

    asyncio.run(run())
    options = next(line for line in printed.decode().splitlines() if line.startswith("options: "))
    assert {"-b", "--factory-startup", "--disable-autoexec"} <= set(options.split())


def test_a_python_that_is_named_by_a_relative_path_starts(tmp_path: Path) -> None:
    """It knows itself by a path with dots, through folders that no sandbox has."""
    python = os.path.relpath(sys.executable, tmp_path)
    start = "import asyncio; from tegula_worker.renderer import Renderer; asyncio.run(Renderer().start())"
    subprocess.run([python, "-c", start], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("renderer", "expected"),
    [
        (lambda: Renderer(Path("/no/such/blender")), Failure.NOT_STARTED),
        (lambda: Renderer(Path("/bin/false")), Failure.NOT_STARTED),
        (lambda: Renderer(device=Device.METAL), Failure.NO_DEVICE),
    ],
)
def test_a_worker_that_cannot_render_says_so_at_the_start(
    renderer: Callable[[], Renderer], expected: Failure
) -> None:
    with pytest.raises(RenderFailed) as caught:
        asyncio.run(renderer().start())
    assert caught.value.failure == expected
