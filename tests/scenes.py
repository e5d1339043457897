"""Small scenes built by script, and plain full-frame renders of them to hold tiles against.

`import bpy` stays out of pytest's own process: this file is also the script that does both in a
process of its own (`python scenes.py build NAME BLEND`, `python scenes.py render BLEND EXR FRAME PINNED`).
"""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tegula_market.model import Adaptive, Digest, Scene

SHARED = Path(__file__).resolve().parents[2] / "shared" / "scenes"

SMALL = Scene(
    manifest=Digest(bytes(32)),
    blender="4.5.15",
    resolution_x=97,
    resolution_y=61,
    percentage=100,
    region=None,
    crop=False,
    spp=8,
    seed=7,
    adaptive=None,
    view_layers=1,
)


def build(name: str, folder: Path) -> Path:
    """The .blend of a scene below in that folder, and what lies beside it."""
    blend = folder / f"{name}.blend"
    if not blend.exists():
        folder.chmod(0o755)  # what root starts in a sandbox is not root
        for file, data in _built(name).items():
            (folder / file).write_bytes(data)
    return blend


@cache
def _built(name: str) -> dict[str, bytes]:
    """Files by their names. Once for all tests of a process: each time is another start of Blender."""
    with TemporaryDirectory(prefix="tegula-scene-") as scratch:
        folder = Path(scratch)
        _run("build", name, str(folder / f"{name}.blend"), folder=folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def full_frame(blend: Path, scene: Scene, frame: int, out: Path) -> Path:
    """The whole frame by plain bpy in a fresh process: no border, no persistent data."""
    _run("render", str(blend), str(out), str(frame), json.dumps(asdict(replace(scene, manifest=None))))
    return out


def _run(*arguments: str, folder: Path | None = None) -> None:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    # The last words of a script that did its work: bpy's own end can crash or hang.
    assert "done" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]


def _spheres(bpy):
    """Glass, metal and plastic on a plane under an area light; one sphere moves, the camera changes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.world = bpy.data.worlds.new("World")
    bpy.ops.mesh.primitive_plane_add(size=20)
    shaders = [("Glass", {"Transmission Weight": 1.0, "Roughness": 0.05}), ("Metal", {"Metallic": 1.0})]
    shaders.append(("Plastic", {"Base Color": (0.8, 0.1, 0.05, 1), "Roughness": 0.3}))
    for i, (name, inputs) in enumerate(shaders):
        bpy.ops.mesh.primitive_uv_sphere_add(location=(i * 1.5 - 1.5, 0, 0.7), radius=0.7, segments=24)
        material = bpy.data.materials.new(name)
        material.use_nodes = True
        for key, value in inputs.items():
            material.node_tree.nodes["Principled BSDF"].inputs[key].default_value = value
        sphere = bpy.context.object
        sphere.name = name
        sphere.data.materials.append(material)
    for frame, x in ((1, 1.5), (5, -1.0)):
        sphere.location.x = x
        sphere.keyframe_insert("location", frame=frame)
    bpy.ops.object.light_add(type="AREA", location=(2, -2, 4), rotation=(0.5, 0.4, 0))
    bpy.context.object.data.energy = 300
    for i, x in enumerate((0, 2)):
        bpy.ops.object.camera_add(location=(x, -6, 2.2), rotation=(1.3, 0, x * 0.16))
        scene.timeline_markers.new(f"F{i}", frame=1 + 2 * i).camera = bpy.context.object
    scene.camera = bpy.data.objects["Camera"]
    scene.cycles.use_denoising = False
    return scene


def _layers(bpy):
    """Two view layers that differ in passes, objects, materials and world, with denoising asked for."""
    scene = _spheres(bpy)
    scene.cycles.use_denoising = True
    scene.render.film_transparent = True
    first, second = scene.view_layers[0], scene.view_layers.new("Second")
    first.use_pass_z = first.use_pass_normal = first.use_pass_diffuse_color = first.use_pass_vector = True
    first.use_pass_cryptomatte_object = first.use_pass_cryptomatte_material = True
    first.use_sky = first.use_motion_blur = False
    second.use_pass_mist = second.use_pass_position = second.use_pass_glossy_direct = True
    second.material_override = bpy.data.materials["Plastic"]
    second.lightgroups.add(name="Key")
    bpy.data.objects["Area"].lightgroup = "Key"
    second.world_override = bpy.data.worlds.new("Red")
    second.world_override.color = (1, 0, 0)
    scene.view_layers.new("Unused").use = False
    _exclude(bpy, second, "Metal")
    _exclude(bpy, first, "Glass")  # its material is in a process's memory only after the second layer
    return scene


def _layers_unlike(bpy):
    """Two view layers with what Blender 4.5 does not keep apart in persistent data: samples and AOVs."""
    scene = _spheres(bpy)
    scene.view_layers.new("Samples").samples = 5
    bpy.data.materials["Metal"].use_nodes = True
    nodes = bpy.data.materials["Metal"].node_tree.nodes
    output = nodes.new("ShaderNodeOutputAOV")
    output.aov_name, output.inputs["Color"].default_value = "Extra", (1, 2, 3, 1)
    scene.view_layers.new("Extra").aovs.add().name = "Extra"


def _exclude(bpy, layer, name) -> None:
    """An object, gone from one view layer."""
    collection = bpy.data.collections.new("Excluded")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(bpy.data.objects[name])
    bpy.context.scene.collection.objects.unlink(bpy.data.objects[name])
    layer.layer_collection.children[collection.name].exclude = True


def _blur(bpy):
    scene = _spheres(bpy)
    scene.render.use_motion_blur = True
    scene.cycles.use_animated_seed = True
    camera = bpy.data.objects["Camera"].data
    camera.dof.use_dof, camera.dof.focus_distance, camera.dof.aperture_fstop = True, 6, 0.5


def _moving(bpy):
    """Everything that a warm child could keep from the frame before: each of these changes with it."""
    scene = _spheres(bpy)
    metal, world, light = bpy.data.objects["Metal"], scene.world, bpy.data.lights[0]
    world.use_nodes = True
    background = world.node_tree.nodes["Background"].inputs["Strength"]
    paint = bpy.data.materials["Plastic"].node_tree.nodes["Principled BSDF"].inputs["Base Color"]
    metal.shape_key_add(name="Basis")
    key = metal.shape_key_add(name="Flat")
    for point in key.data:
        point.co.z *= 0.3
    array = bpy.data.objects["Glass"].modifiers.new("Array", "ARRAY")
    hidden = bpy.data.objects["Plastic"]
    camera = bpy.data.objects["Camera"].data
    for frame, share in ((1, 0.0), (2, 1.0), (4, 0.3)):
        background.default_value = 0.1 + share
        background.keyframe_insert("default_value", frame=frame)
        paint.default_value = (share, 0.5, 0.2, 1)
        paint.keyframe_insert("default_value", frame=frame)
        light.energy = 100 + 400 * share
        light.keyframe_insert("energy", frame=frame)
        key.value = share
        key.keyframe_insert("value", frame=frame)
        array.count = 1 + int(2 * share)
        array.keyframe_insert("count", frame=frame)
        hidden.hide_render = share == 1.0
        hidden.keyframe_insert("hide_render", frame=frame)
        camera.lens = 50 - 15 * share
        camera.keyframe_insert("lens", frame=frame)
    scene.frame_set(1)
    plane = bpy.data.materials.new("Sequence")
    plane.use_nodes = True
    bpy.data.objects["Plane"].data.materials.append(plane)
    _image_sequence(bpy, plane.node_tree, plane.node_tree.nodes["Principled BSDF"].inputs["Base Color"])


def _image_sequence(bpy, tree, socket) -> None:
    """Files s1.png to s4.png beside the .blend (the current folder), one for each frame."""
    image = bpy.data.images.new("Sequence", 8, 8)
    for frame in range(1, 5):
        image.pixels = [frame / 4, 0.2, 1 - frame / 4, 1.0] * 64
        image.filepath_raw, image.file_format = str(Path.cwd() / f"s{frame}.png"), "PNG"
        image.save()
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(Path.cwd() / "s1.png"))
    node.image.source = "SEQUENCE"
    node.image.filepath = "//s1.png"
    node.image_user.frame_duration, node.image_user.use_auto_refresh = 4, True
    tree.links.new(node.outputs["Color"], socket)


def _no_camera(bpy):
    scene = _spheres(bpy)
    scene.timeline_markers.clear()
    scene.camera = None


def _freestyle(bpy):
    _spheres(bpy).render.use_freestyle = True


def _guiding(bpy):
    _spheres(bpy).cycles.use_guiding = True


def _pink(bpy):
    """A material's image lies nowhere. So do one that nothing uses, and one that only the compositor uses."""
    scene = _spheres(bpy)
    tree = bpy.data.materials["Plastic"].node_tree
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = _lost(bpy, "lost.png")
    tree.links.new(node.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    _missed_by_nobody(bpy, scene)


def _unmissed(bpy):
    _missed_by_nobody(bpy, _spheres(bpy))


def _missed_by_nobody(bpy, scene) -> None:
    _lost(bpy, "spare.png").use_fake_user = True
    scene.use_nodes = True
    scene.node_tree.nodes.new("CompositorNodeImage").image = _lost(bpy, "backdrop.png")


def _lost(bpy, name):
    image = bpy.data.images.new(name, 4, 4)
    image.filepath_raw = str(Path.cwd() / name)
    image.save()
    Path(name).unlink()
    image.source = "FILE"
    return image


def _orphan(bpy):
    """An object of a library that lies nowhere."""
    _spheres(bpy)
    library = Path.cwd() / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    scene = _spheres(bpy)
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.objects = ["Metal"]
    scene.collection.objects.link(linked.objects[0])
    library.unlink()


def _odd(bpy):
    """A size that nothing divides."""
    render = _spheres(bpy).render
    render.resolution_x, render.resolution_y = 359, 641


def _workbench(bpy):
    _spheres(bpy).render.engine = "BLENDER_WORKBENCH"


SCENES = {
    "spheres": _spheres,
    "layers": _layers,
    "layers_unlike": _layers_unlike,
    "blur": _blur,
    "moving": _moving,
    "no_camera": _no_camera,
    "freestyle": _freestyle,
    "odd": _odd,
    "orphan": _orphan,
    "pink": _pink,
    "unmissed": _unmissed,
    "workbench": _workbench,
    "guiding": _guiding,
}


def _build(name: str, blend: str) -> None:
    import bpy

    SCENES[name](bpy)
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=True)


def _render(blend: str, out: str, frame: str, pinned: str) -> None:
    """Deliberately not a line of the worker's: the same settings, said a second time."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    scene, want = bpy.context.scene, json.loads(pinned)
    render, cycles = scene.render, scene.cycles
    render.resolution_x, render.resolution_y = want["resolution_x"], want["resolution_y"]
    render.resolution_percentage = want["percentage"]
    render.use_border = render.use_compositing = render.use_sequencer = render.use_persistent_data = False
    cycles.device = "CPU"
    cycles.samples, cycles.seed = want["spp"], want["seed"]
    cycles.use_adaptive_sampling = want["adaptive"] is not None
    if want["adaptive"]:
        cycles.adaptive_threshold = want["adaptive"]["threshold"]
        cycles.adaptive_min_samples = want["adaptive"]["min_samples"]
    for layer in scene.view_layers:
        if cycles.use_denoising and layer.cycles.use_denoising:
            layer.cycles.denoising_store_passes = True
    cycles.use_denoising = False
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "MULTI_LAYER_IMAGE"
    render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    if render.use_multiview:
        render.image_settings.views_format = "MULTIVIEW"
    render.image_settings.color_depth = "32"
    render.image_settings.exr_codec = "ZIP"
    render.use_file_extension = False
    render.filepath = out
    scene.frame_set(int(frame))
    bpy.ops.render.render(write_still=True)


def _main() -> None:
    import os

    command, *arguments = sys.argv[1:]
    {"build": _build, "render": _render}[command](*arguments)
    print("\ndone", flush=True)
    os._exit(0)


ADAPTIVE = Adaptive(threshold=0.05, min_samples=0)

if __name__ == "__main__":
    _main()
