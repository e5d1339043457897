"""Scenes with every kind of file that a render can read, and what plain Blender makes of them.

Like scenes.py, this file is also the script that does it in processes of their own: see `_main`. A scene is
FOLDER/shot/scene.blend, at the frame that it is rendered at.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

FRAME = 3
OBJ = "v 0 0 0\nv 2 0 0\nv 0 2 0\nv 0 0 2\nf 1 2 3\nf 1 2 4\nf 1 3 4\nf 2 3 4\n"
IES = """IESNA:LM-63-2002
TILT=NONE
1 1000 1 3 1 1 2 0 0 0
1 1 100
0 45 90
0
1000 10 500
"""


def build(kind: str, folder: Path, *, python: Path = Path(sys.executable)) -> Path:
    _run(python, "build", kind, str(folder))
    return folder / "shot" / "scene.blend"


def render(*pairs: tuple[Path, Path], python: Path = Path(sys.executable)) -> None:
    """Every pass of every .blend into the EXR beside it in the pair."""
    _run(python, "render", json.dumps([list(map(str, pair)) for pair in pairs]))


def pack_open(
    blend: Path, scratch: Path, native: Path, *, python: Path = Path(sys.executable)
) -> dict[str, Any]:
    """An artist opens a .blend, moves the light and does not save; then it is packed.

    Args:
        blend: a folder stands for a scene that was never saved, with the files in that folder.
        native: what the artist sees, rendered before.
    Returns:
        "answer": of `tegula_blender.packing.pack_open`. "session": what is open "before" and "after" it, and
        once the artist has "undone" the last move.
    """
    reply = scratch / "reply.json"
    _run(python, "pack", str(blend), str(scratch), str(native), str(reply))
    answer: dict[str, Any] = json.loads(reply.read_text())
    return answer


def paths_kept(blend: Path) -> dict[str, list[str]]:
    """The files of each datablock, by Blender's own map and by ours."""
    reply = blend.with_name("paths.json")
    _run(Path(sys.executable), "paths", str(blend), str(reply))
    found: dict[str, list[str]] = json.loads(reply.read_text())
    return found


def _run(python: Path, *arguments: str) -> None:
    command = [str(python), str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    # The last words of a script that did its work: bpy's own end can crash or hang.
    assert "done" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]


def _start(bpy):
    """A lit plane before a camera, which the kinds below put something on, or in front of."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = 32, 24
    scene.cycles.samples, scene.cycles.use_denoising = 2, False
    scene.cycles.use_adaptive_sampling = False
    bpy.ops.mesh.primitive_plane_add(size=4, location=(0, 1, 0), rotation=(1.5708, 0, 0))
    bpy.ops.object.light_add(type="POINT", location=(1, -2, 1))
    bpy.context.object.data.energy = 200
    bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(1.5708, 0, 0))
    scene.camera = bpy.context.object
    return scene


def _save(bpy, blend: Path) -> None:
    blend.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), relative_remap=False)


def _shade(bpy, kind):
    """A node of this kind as the plane's colour."""
    plane = bpy.data.objects["Plane"]
    material = bpy.data.materials.new("Shown")
    material.use_nodes = True
    plane.data.materials.append(material)
    tree = material.node_tree
    node = tree.nodes.new(kind)
    shader = tree.nodes["Principled BSDF"]
    tree.links.new(node.outputs[0], shader.inputs["Base Color"])
    return node


def _png(bpy, path: Path, colour) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("Made", 4, 4)
    image.pixels = [*colour, 1.0] * 16
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def _texture(bpy, path: str, there: Path, source="FILE"):
    node = _shade(bpy, "ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(there))
    node.image.source, node.image.filepath = source, path
    return node


def _image(bpy, folder: Path) -> None:
    there = _png(bpy, folder / "maps" / "a.png", (0.9, 0.2, 0.1))
    _texture(bpy, "//../maps/a.png", there)


def _absolute(bpy, folder: Path) -> None:
    there = _png(bpy, folder / "far" / "a.png", (0.9, 0.2, 0.1))
    _texture(bpy, str(there), there)


def _udim(bpy, folder: Path) -> None:
    for tile in (1001, 1002):
        there = _png(bpy, folder / "maps" / f"u.{tile}.png", (0.3, tile - 1001, 0.2))
    node = _texture(bpy, "//../maps/u.<UDIM>.png", there, "TILED")
    mapping = node.id_data.nodes.new("ShaderNodeMapping")
    coordinates = node.id_data.nodes.new("ShaderNodeTexCoord")
    mapping.inputs["Scale"].default_value[0] = 2
    node.id_data.links.new(coordinates.outputs["UV"], mapping.inputs[0])
    node.id_data.links.new(mapping.outputs[0], node.inputs[0])


def _sequence(bpy, folder: Path) -> None:
    for frame in range(1, 5):
        there = _png(bpy, folder / "shot" / f"s_{frame:03}.png", (frame / 4, 0.5, 0))
    node = _texture(bpy, "//s_001.png", there, "SEQUENCE")
    node.image_user.frame_duration, node.image_user.use_auto_refresh = 4, True


def _movie(bpy, folder: Path) -> None:
    scene = bpy.context.scene
    (folder / "shot").mkdir(parents=True)
    there = folder / "shot" / "clip.mkv"
    render = scene.render
    if hasattr(render.image_settings, "media_type"):  # Blender 5
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec, render.use_file_extension = "MKV", "FFV1", False
    render.filepath, scene.frame_start, scene.frame_end = str(there), 1, 4
    light = bpy.data.lights[0]
    for frame in (1, 4):
        light.energy = 100 * frame
        light.keyframe_insert("energy", frame=frame)
    bpy.ops.render.render(animation=True)
    light.animation_data_clear()
    light.energy = 200
    node = _texture(bpy, "//clip.mkv", there, "MOVIE")
    node.image_user.frame_duration, node.image_user.use_auto_refresh = 4, True


def _volume(bpy, name: str, path: str):
    volume = bpy.data.volumes.new(name)
    volume.filepath = path
    shown = bpy.data.objects.new(name, volume)
    material = bpy.data.materials.new("Fog")
    material.use_nodes = True
    tree = material.node_tree
    fog = tree.nodes.new("ShaderNodeVolumePrincipled")
    tree.links.new(fog.outputs[0], tree.nodes["Material Output"].inputs["Volume"])
    volume.materials.append(material)
    bpy.context.scene.collection.objects.link(shown)
    return shown


def _vdb_file(bpy, path: Path, radius: int) -> None:
    # The module's Python does not see what a Blender program's does.
    brought = Path(bpy.utils.resource_path("LOCAL")) / "python" / "lib"
    sys.path.append(str(next(brought.glob("python3*/site-packages"))))
    import openvdb

    grid = openvdb.FloatGrid()
    grid.name = "density"
    grid.transform = openvdb.createLinearTransform(voxelSize=0.2)
    grid.fill((-radius,) * 3, (radius,) * 3, 5.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    openvdb.write(str(path), [grid])


def _vdb(bpy, folder: Path) -> None:
    _vdb_file(bpy, folder / "caches" / "fog.vdb", 4)
    _volume(bpy, "Fog", "//../caches/fog.vdb")


def _vdb_sequence(bpy, folder: Path) -> None:
    for frame in range(1, 5):
        _vdb_file(bpy, folder / "caches" / f"fog_{frame:02}.vdb", 2 * frame)
    volume = _volume(bpy, "Fog", "//../caches/fog_01.vdb").data
    volume.is_sequence, volume.frame_duration = True, 4


def _moving(bpy) -> None:
    """The plane bends from frame to frame, so that exports have to keep its points."""
    taper = bpy.data.objects["Plane"].modifiers.new("Taper", "SIMPLE_DEFORM")
    taper.deform_method, taper.deform_axis = "TAPER", "X"
    for frame in (1, 4):
        taper.factor = frame / 4
        taper.keyframe_insert("factor", frame=frame)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 4


def _exported(bpy, folder: Path, name: str, write, read) -> None:
    _moving(bpy)
    (folder / "caches").mkdir(parents=True)
    there = str(folder / "caches" / name)
    bpy.ops.object.select_all(action="DESELECT")
    bpy.data.objects["Plane"].select_set(True)
    write(there)
    bpy.data.objects.remove(bpy.data.objects["Plane"])
    read(there)
    for cache in bpy.data.cache_files:
        cache.filepath = f"//../caches/{name}"


def _alembic(bpy, folder: Path) -> None:
    def write(path):
        bpy.ops.wm.alembic_export(filepath=path, start=1, end=4, selected=True, as_background_job=False)

    def read(path):
        bpy.ops.wm.alembic_import(filepath=path, as_background_job=False)

    _exported(bpy, folder, "plane.abc", write, read)


def _usd(bpy, folder: Path) -> None:
    def write(path):
        bpy.ops.wm.usd_export(filepath=path, export_animation=True, selected_objects_only=True)

    def read(path):
        bpy.ops.wm.usd_import(filepath=path)

    _exported(bpy, folder, "plane.usdc", write, read)


def _font(bpy, folder: Path) -> None:
    (folder / "fonts").mkdir(parents=True)
    shipped = Path(bpy.utils.system_resource("DATAFILES", path="fonts")) / "DejaVuSansMono.woff2"
    there = shutil.copy(shipped, folder / "fonts" / "mono.woff2")
    bpy.ops.object.text_add(location=(-1, 0, 0), rotation=(1.5708, 0, 0))
    bpy.context.object.data.body = "iW@"
    bpy.context.object.data.font = bpy.data.fonts.load(str(there))
    bpy.context.object.data.font.filepath = "//../fonts/mono.woff2"


def _point_cache(bpy, folder: Path) -> None:
    """A cloth that falls, baked beside the .blend."""
    plane = bpy.data.objects["Plane"]
    bpy.context.view_layer.objects.active = plane
    cache = plane.modifiers.new("Cloth", "CLOTH").point_cache
    cache.frame_start, cache.frame_end, cache.name = 1, 4, "cloth"
    _save(bpy, folder / "shot" / "scene.blend")
    cache.use_disk_cache = True
    bpy.ops.ptcache.bake_all(bake=True)


def _mesh_cache(bpy, folder: Path) -> None:
    """PC2: a header, then each vertex of each frame."""
    plane = bpy.data.objects["Plane"]
    (folder / "caches").mkdir(parents=True)
    count, frames = len(plane.data.vertices), 4
    still = np.array([vertex.co for vertex in plane.data.vertices], np.float32)
    moved = [still * (1 - frame / 8) for frame in range(frames)]
    header = struct.pack("<12siiffi", b"POINTCACHE2\0", 1, count, 1.0, 1.0, frames)
    (folder / "caches" / "plane.pc2").write_bytes(header + np.array(moved, np.float32).tobytes())
    modifier = plane.modifiers.new("Cache", "MESH_CACHE")
    modifier.cache_format, modifier.filepath, modifier.frame_start = "PC2", "//../caches/plane.pc2", 1


def _group(bpy, name: str):
    """A tree of geometry nodes on the plane, from its input to its output."""
    plane = bpy.data.objects["Plane"]
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    ends = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    modifier = plane.modifiers.new(name, "NODES")
    modifier.node_group = tree
    return modifier, tree, ends


def _simulation(bpy, folder: Path) -> None:
    """Geometry nodes that move the plane a bit further each frame, baked into a folder."""
    modifier, tree, (first, last) = _group(bpy, "Creep")
    start, end = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
    start.pair_with_output(end)
    move = tree.nodes.new("GeometryNodeTransform")
    move.inputs["Translation"].default_value = (0.3, 0, 0)
    for one, other in ((first, start), (start, move), (move, end), (end, last)):
        geometry = next(socket for socket in one.outputs if socket.type == "GEOMETRY")
        tree.links.new(geometry, next(socket for socket in other.inputs if socket.type == "GEOMETRY"))
    if hasattr(modifier, "bake_target"):
        modifier.bake_target = "DISK"
    bpy.context.scene.frame_end = 4
    _save(bpy, folder / "shot" / "scene.blend")
    bpy.ops.object.select_all(action="DESELECT")
    plane = bpy.data.objects["Plane"]
    plane.select_set(True)
    bpy.context.view_layer.objects.active = plane
    modifier.bake_directory = "//bakes"
    bpy.ops.object.simulation_nodes_cache_bake(selected=True)


def _imported(bpy, folder: Path) -> None:
    """A mesh that geometry nodes read from a file."""
    (folder / "meshes").mkdir(parents=True)
    (folder / "meshes" / "a.obj").write_text(OBJ)
    _, tree, (_, last) = _group(bpy, "Import")
    node = tree.nodes.new("GeometryNodeImportOBJ")
    node.inputs["Path"].default_value = "//../meshes/a.obj"
    realize = tree.nodes.new("GeometryNodeRealizeInstances")
    tree.links.new(node.outputs[0], realize.inputs[0])
    tree.links.new(realize.outputs[0], last.inputs[0])


def _ies(bpy, folder: Path) -> None:
    (folder / "lights").mkdir(parents=True)
    (folder / "lights" / "spot.ies").write_text(IES)
    light = bpy.data.lights[0]
    light.use_nodes = True
    tree = light.node_tree
    node = tree.nodes.new("ShaderNodeTexIES")
    node.mode, node.filepath = "EXTERNAL", "//../lights/spot.ies"
    emission = next(node for node in tree.nodes if node.type == "EMISSION")
    tree.links.new(node.outputs[0], emission.inputs["Strength"])


def _linked(bpy, library: Path, kind: str, name: str, *, relative: bool):
    with bpy.data.libraries.load(str(library), link=True, relative=relative) as (_, wanted):
        setattr(wanted, kind, [name])
    return getattr(wanted, kind)[0]


def _chain(bpy, folder: Path, *, relative: bool = True) -> None:
    """An object of one library with a material of another, whose image and fog lie beside that one."""
    far, near = folder / "lib" / "deep" / "far.blend", folder / "lib" / "near.blend"
    there = _png(bpy, folder / "lib" / "deep" / "grain.png", (0.1, 0.8, 0.3))
    _texture(bpy, "//grain.png" if relative else str(there), there)
    _vdb_file(bpy, folder / "lib" / "deep" / "fog.vdb", 3)
    _volume(bpy, "Mist", "//fog.vdb")
    _save(bpy, far)
    _start(bpy)
    _save(bpy, near)
    material = _linked(bpy, far, "materials", "Shown", relative=relative)
    bpy.data.objects["Plane"].data.materials.append(material)
    _save(bpy, near)
    _start(bpy)
    _save(bpy, folder / "shot" / "scene.blend")
    bpy.data.objects.remove(bpy.data.objects["Plane"])
    for library, name in ((near, "Plane"), (far, "Mist")):
        linked = _linked(bpy, library, "objects", name, relative=relative)
        bpy.context.scene.collection.objects.link(linked)


def _chain_absolute(bpy, folder: Path) -> None:
    _chain(bpy, folder, relative=False)


def _unbaked(bpy, folder: Path) -> None:
    _simulation(bpy, folder)
    bpy.data.objects["Plane"].modifiers[0].bake_directory = ""


def _lost(bpy, folder: Path) -> None:
    """The library is there; what it was linked for is not."""
    library = folder / "shot" / "lib.blend"
    _save(bpy, folder / "shot" / "scene.blend")
    _shade(bpy, "ShaderNodeTexChecker")
    bpy.ops.wm.save_as_mainfile(filepath=str(library), copy=True)
    _start(bpy)
    _save(bpy, folder / "shot" / "scene.blend")
    bpy.data.objects["Plane"].data.materials.append(
        _linked(bpy, library, "materials", "Shown", relative=True)
    )
    _save(bpy, folder / "shot" / "scene.blend")
    _start(bpy)
    _save(bpy, library)
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot" / "scene.blend"))


def _painted(bpy, folder: Path) -> None:
    """When it is packed, the artist has just painted it."""
    _texture(bpy, "//wet.png", _png(bpy, folder / "shot" / "wet.png", (0.9, 0.2, 0.1)))


def _own_view(bpy, _folder: Path) -> None:
    bpy.context.scene.view_settings.view_transform = "Mine"


def _build(kind: str, folder: str) -> None:
    import bpy

    scene = _start(bpy)
    globals()[f"_{kind}"](bpy, Path(folder))
    scene = bpy.context.scene
    scene.frame_set(FRAME)
    _save(bpy, Path(folder) / "shot" / "scene.blend")


def _render(pairs: str) -> None:
    import bpy

    for blend, out in json.loads(pairs):
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
        _write(bpy, out)


def _write(bpy, out: str) -> None:
    scene = bpy.context.scene
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format, image.color_depth = "OPEN_EXR_MULTILAYER", "32"
    scene.render.filepath, scene.render.use_compositing = out, False
    scene.render.resolution_x, scene.render.resolution_y = 32, 24
    scene.render.resolution_percentage, scene.cycles.samples = 100, 2
    scene.frame_set(scene.frame_current)
    bpy.ops.render.render(write_still=True)


def _pack(blend: str, scratch: str, out: str, reply: str) -> None:
    import bpy

    from tegula_blender import packing

    if Path(blend).is_dir():
        _start(bpy)
        _image(bpy, Path(blend))
        bpy.data.images[0].filepath = str(Path(blend) / "maps" / "a.png")
    else:
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    light = next(shown for shown in bpy.data.objects if shown.type == "LIGHT")
    for x in (-0.5, -1.0):
        light.location.x = x
        bpy.ops.ed.undo_push(message="Move")
    name = light.name
    _write(bpy, out)
    if "wet.png" in bpy.data.images:
        bpy.data.images["wet.png"].pixels[0] = 0.5
    bpy.data.use_autopack = True
    session = {"before": _session(bpy)}
    answer = packing.pack_open(scratch)
    session["after"] = _session(bpy)
    bpy.ops.ed.undo()
    session["undone"] = bpy.data.objects[name].location.x
    Path(reply).write_text(json.dumps({"answer": answer, "session": session}))


def _session(bpy) -> list[object]:
    from tegula_blender import paths

    blocks = sorted({*bpy.data.user_map(), *bpy.data.libraries}, key=lambda block: block.session_uid)
    kept = [[block.name, getattr(owner, name)] for block in blocks for owner, name in paths.kept(block)]
    state = bpy.data.filepath, bpy.data.is_dirty, bpy.data.use_autopack, len(blocks)
    return [*state, kept, [image.packed_file is None for image in bpy.data.images]]


def _paths(blend: str, reply: str) -> None:
    import bpy

    from tegula_blender import paths

    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    blocks = list(bpy.data.user_map())
    theirs = {path for found in bpy.data.file_path_map().values() for path in found}
    ours = {getattr(owner, name) for block in blocks for owner, name in paths.kept(block)}
    Path(reply).write_text(json.dumps({"theirs": sorted(theirs), "ours": sorted(ours)}))


def _main() -> None:
    command, *arguments = sys.argv[1:]
    {"build": _build, "render": _render, "pack": _pack, "paths": _paths}[command](*arguments)
    print("\ndone", flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main()
