"""A pilot by a real Blender, of scenes so small that it takes no time."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import scenes
from tegula_blender.session import blender
from tegula_blender.session.costs import found
from tegula_blender.session.speeds import Pilot
from tegula_market import codec

pytestmark = pytest.mark.slow

RECTS = """
import json, os, sys, bpy
from tegula_blender import pilot
scene = bpy.context.scene
for scene.cycles.device in ("GPU", "CPU"):  # of which the preferences name none
    assert pilot.preferred_device(scene) == "CPU"
render, found = scene.render, []
render.resolution_percentage = 50
for width, height, border in json.loads(sys.argv[1]):
    render.resolution_x, render.resolution_y, render.use_border = 2 * width, 2 * height, border is not None
    for name, value in zip(("min_x", "max_x", "min_y", "max_y"), border or ()):
        setattr(render, f"border_{name}", value)
    found.append(pilot._rects(render, pilot._cells()))
print("\\n" + json.dumps(found), flush=True)
os._exit(0)
"""
FRAMES = [(640, 360, None), (97, 61, None), (2, 2, None), (640, 360, (0.25, 0.5, 0.5, 1.0))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


def pilot(blend: Path, seconds: float, **how: object) -> Pilot:
    return codec.decode(Pilot, blender.ask("pilot", None, blend=str(blend), seconds=seconds, **how))


def long_enough(blend: Path, enough: Callable[[Pilot], bool], percentage: int = 5) -> Pilot:
    """For as many seconds as it wants here, where others may have the processor."""
    for seconds in (3, 30, 300):
        tried = pilot(blend, seconds, samples=512, percentage=percentage)
        if enough(tried):
            return tried
    raise AssertionError(tried)


def test_a_small_scene_is_tried_as_it_will_be_rendered(folder: Path) -> None:
    blend = scenes.build("layers", folder)
    before = blend.read_bytes()
    tried = pilot(blend, seconds=600, samples=3, percentage=5, frame=2)
    assert (tried.samples, tried.whole, tried.note) == (3, True, "")
    assert tried.device.startswith("CPU ")
    assert len(tried.seconds_per_megasample) == len(tried.work_per_megasample) == 16
    assert min(tried.seconds_per_megasample + tried.work_per_megasample) > 0
    assert (tried.columns, sorted(tried.cells)) == (4, list(range(16)))
    assert tried.megasamples > 0
    assert tried.load_seconds > 0
    assert 0 <= tried.start_seconds < 5
    assert blend.read_bytes() == before


def test_without_time_a_rect_is_tried_all_the_same(folder: Path) -> None:
    tried = pilot(scenes.build("spheres", folder), seconds=0, samples=4096, percentage=5)
    assert (tried.samples, tried.whole) == (2, False)
    assert len(tried.seconds_per_megasample) == len(tried.cells) == 1


def test_a_device_that_is_not_there_is_told(folder: Path) -> None:
    blend = scenes.build("spheres", folder)
    tried = pilot(
        blend, seconds=0, samples=1, percentage=5, device="METAL" if sys.platform != "darwin" else "HIP"
    )
    assert "the processor was used" in tried.note
    assert (tried.device[:4], tried.samples, tried.whole) == ("CPU ", 1, True)


def test_harder_samples_take_longer(folder: Path, tmp_path: Path) -> None:
    """Many bounces inside a closed glass box against a world that is all there is to see."""
    hard, easy = (_built(tmp_path / f"{name}.blend", name) for name in ("hard", "easy"))
    taken = [long_enough(blend, lambda tried: tried.samples > 2).mean for blend in (hard, easy)]
    assert taken[0] < taken[1]


def test_rects_lie_spread_within_what_is_rendered() -> None:
    command = [sys.executable, "-c", RECTS, json.dumps(FRAMES)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for (width, height, border), rects in zip(FRAMES, json.loads(said.splitlines()[-1]), strict=True):
        min_x, max_x, min_y, max_y = border or (0, 1, 0, 1)
        for x0, x1, y0, y1 in rects:
            assert min_x * width <= x0 < x1 <= max_x * width
            assert min_y * height <= y0 < y1 <= max_y * height
            assert max(x1 - x0, y1 - y0) <= 32
        if min(width, height) > 16:
            assert len({tuple(rect) for rect in rects}) == 16
            assert not any(_overlap(one, other) for one in rects for other in rects if one is not other)


def test_a_dear_corner_is_found_where_it_is(tmp_path: Path) -> None:
    """Smoke at the top left of the picture, and nothing else."""
    blend = _built(tmp_path / "corner.blend", "corner")
    costs = found(long_enough(blend, lambda tried: len(tried.cells) == 16, percentage=10))
    assert costs is not None
    rows = [costs.weights[row * costs.columns :][: costs.columns] for row in range(costs.rows)]
    dear = [weight for row in rows[:3] for weight in row[:3]]
    cheap = [weight for index, row in enumerate(rows) for weight in (row if index > 4 else row[5:])]
    assert min(dear) > 2 * max(cheap)


KEPT = """
import os, bpy
from tegula_blender import pilot
scene, kept = bpy.context.scene, []
scene.view_layers.new("Second").use = False
for scene.view_layers["Second"].use in (False, True):
    pilot._prepare(scene)
    kept.append(scene.render.use_persistent_data)
print("kept:", kept, flush=True)
os._exit(0)
"""


def test_several_layers_are_handed_to_cycles_anew_as_workers_do() -> None:
    said = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True).stdout
    assert "kept: [True, False]" in said.splitlines()


def _overlap(one: list[int], other: list[int]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


BUILD = """
import os, sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
scene.world = bpy.data.worlds.new("World")
scene.world.color = (1, 1, 1)
bpy.ops.object.camera_add()
scene.camera = bpy.context.object
if sys.argv[2] == "hard":
    bpy.ops.mesh.primitive_uv_sphere_add(radius=5)
    material = bpy.data.materials.new("Wall")
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (1, 1, 1, 1)
    bpy.context.object.data.materials.append(material)
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 64
if sys.argv[2] == "corner":
    bpy.ops.mesh.primitive_cube_add(size=1, location=(-0.9, 0.5, -5), scale=(1.8, 1, 1))
    material = bpy.data.materials.new("Smoke")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.remove(nodes["Principled BSDF"])
    smoke = nodes.new("ShaderNodeVolumeScatter")
    smoke.inputs["Density"].default_value = 20
    links.new(smoke.outputs[0], nodes["Material Output"].inputs["Volume"])
    bpy.context.object.data.materials.append(material)
    scene.cycles.max_bounces = scene.cycles.volume_bounces = 64
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
os._exit(0)
"""


def _built(blend: Path, name: str) -> Path:
    subprocess.run([sys.executable, "-c", BUILD, str(blend), name], check=True, capture_output=True)
    return blend
