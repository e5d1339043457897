"""However a render ends, Blender and the scene are as they were."""

import textwrap
from pathlib import Path

import pytest

import f12
from f12 import HERE, LATER, Blender
from pictures import build

pytestmark = pytest.mark.slow

BEGIN = """
import os, threading
from pathlib import Path
import bpy
from tegula_blender import stand_in
from tegula_blender.engine import TegulaRender
from tegula_blender.session.delivery import Delivery

KINDS = [name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)]

def state():
    render = bpy.context.scene.render
    handlers = {name: list(getattr(bpy.app.handlers, name)) for name in KINDS}
    return render.engine, render.use_border, handlers, TegulaRender.is_registered

def ways(*numbers):
    given = Delivery(lambda: cancelled.append(threading.current_thread()))
    for number in numbers:
        given.finish(number, Path("whole.exr"))
    return given

def fails(given, **how):
    try:
        with stand_in.standing_in(scene, given):
            bpy.ops.render.render(**how)
    except RuntimeError as error:
        return str(error)

cancelled = []
bpy.ops.wm.open_mainfile(filepath=os.getcwd() + "/plain.blend")
scene = bpy.context.scene
scene.render.use_border, scene.frame_end = True, 3
scene.render.filepath = os.getcwd() + "/frame_#"
before = state()
"""
END = """
assert state() == before, (state(), before)
print("\\ndone", flush=True)
"""
"""The process then ends by itself, which it would not with the engine still registered."""


@pytest.fixture(scope="module", params=[HERE, LATER], ids=lambda blender: blender.name)
def blender(request: pytest.FixtureRequest) -> Blender:
    return f12.present(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path, "plain")
    f12.native(HERE, tmp_path / "plain.blend", f12.Output(f"{tmp_path}/whole.exr", "OPEN_EXR_MULTILAYER"))
    return tmp_path


def run(blender: Blender, folder: Path, body: str) -> None:
    script = folder / "script.py"
    script.write_text(BEGIN + textwrap.dedent(body) + END)
    blender.run(script, folder=folder)


def test_a_job_that_stops_is_told_by_its_sentence(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        given = ways(1)
        threading.Timer(0.3, given.end, ["The budget is spent; raise it."]).start()
        said = fails(given, animation=True)
        assert said.count("The budget is spent; raise it.") == 1, said
        assert not cancelled
        """,
    )
    assert [path.name for path in folder.glob("frame_*")] == ["frame_1.png"]


def test_esc_ends_the_job_once(blender: Blender, folder: Path) -> None:
    """Nobody presses keys here. As after Esc, the engine has returned with nothing and Blender breaks off."""
    run(
        blender,
        folder,
        """
        TegulaRender._await = lambda self, *_: self.report({"ERROR"}, "Esc")
        assert "Esc" in fails(ways(), animation=True)
        assert cancelled == [threading.main_thread()]
        """,
    )
    assert not list(folder.glob("frame_*"))


def test_leaving_ends_the_render_but_not_the_job(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        try:
            with stand_in.standing_in(scene, ways()):
                threading.Timer(0.3, stand_in.leave).start()  # not before: it would leave nothing
                bpy.ops.render.render(write_still=True)
                raise AssertionError
        except RuntimeError as error:
            assert "the job goes on" in str(error)
        assert not cancelled
        """,
    )


def test_a_render_that_blender_refuses(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        scene.timeline_markers.clear()
        scene.camera = None
        try:
            stand_in.start(scene, ways(1))
            raise AssertionError
        except RuntimeError as error:
            assert "camera" in str(error)
        """,
    )


def test_a_frame_that_cannot_be_read(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        Path("whole.exr").write_bytes(b"nothing of the kind")
        assert "whole.exr" in fails(ways(1), write_still=True)
        """,
    )
    assert not list(folder.glob("frame_*"))


def test_without_a_window_a_render_that_is_started_is_over(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        stand_in.start(scene, ways(1), write_still=True)
        assert Path("frame_#.png").exists()
        """,
    )


def test_opening_a_file_leaves_it_alone(blender: Blender, folder: Path) -> None:
    run(
        blender,
        folder,
        """
        bpy.context.scene.render.use_border = False
        bpy.ops.wm.save_as_mainfile(filepath=os.getcwd() + "/other.blend")
        scene.render.use_border = True
        with stand_in.standing_in(scene, ways()):
            bpy.ops.wm.open_mainfile(filepath=os.getcwd() + "/other.blend")
        assert state()[:2] == ("CYCLES", False)
        bpy.context.scene.render.use_border = True
        """,
    )


def test_the_scene_has_its_own_settings_while_it_renders(blender: Blender, folder: Path) -> None:
    """Blender goes by its copy of them from then on, frame after frame."""
    run(
        blender,
        folder,
        """
        seen = []
        with stand_in.standing_in(scene, ways(1, 2, 3)) as render:
            def pre(*_):
                render.restore()
                seen.append((scene.render.engine, scene.render.use_border))
            bpy.app.handlers.render_pre.append(pre)
            bpy.ops.render.render(animation=True)
            bpy.app.handlers.render_pre.remove(pre)
        assert seen == [("CYCLES", True)] * 3
        """,
    )
    # They all are frame 1, which was handed over three times: Cycles' own would differ.
    assert len({f12.pixels(folder / f"frame_{number}.png") for number in (1, 2, 3)}) == 1


def test_frames_that_are_there_are_left_alone(blender: Blender, folder: Path) -> None:
    """Blender asks for no others, and marks the one that it waits for if the scene says so."""
    run(
        blender,
        folder,
        """
        Path("frame_2.png").write_bytes(b"the artist's own")
        scene.render.use_overwrite, scene.render.use_placeholder = False, True
        given, marked = ways(1, 3), []
        given.take = lambda frame, seconds: marked.append(Path(f"frame_{frame}.png").exists()) or (
            Delivery.take(given, frame, seconds)
        )
        assert fails(given, animation=True) is None
        assert marked == [True, True]
        """,
    )
    sizes = {path.name: path.stat().st_size for path in folder.glob("frame_*")}
    assert sizes.pop("frame_2.png") == len(b"the artist's own")
    assert len(sizes) == 2
    assert min(sizes.values()) > 1000
