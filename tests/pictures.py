"""Scenes with files, faults and finishing touches, and what plain Blender makes of them.

Like scenes.py, this file is also the script that does it in processes of their own:
`python pictures.py build Path.cwd() NAME…`, `python pictures.py picture BLEND PNG`,
`python pictures.py tiles BLEND Path.cwd() BORDERS`.
"""

import json
import os
import struct
import subprocess
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

from tegula_market.model import Scene, Tile
from tegula_market.tiling import border, frame_size


def build(folder: Path, *names: str) -> None:
    """Save scenes below as Path.cwd()/NAME.blend."""
    _run("build", str(folder), *names)


def picture(blend: Path, png: Path) -> Path:
    """The PNG that F12 and Save give, from the file as it is."""
    _run("picture", str(blend), str(png))
    return png


def tiles(blend: Path, scene: Scene, wanted: tuple[Tile, ...], folder: Path) -> list[Path]:
    """Each tile as workers deliver it: what is rendered, cropped, undenoised."""
    size = frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    borders = [asdict(border(tile.rendered, *size)) for tile in wanted]
    _run("tiles", str(blend), str(folder), json.dumps([scene.spp, scene.percentage, borders]))
    return [folder / f"{index}.exr" for index in range(len(wanted))]


def pixels(png: Path) -> tuple[bytes, bytes]:
    """Header and pixels of a PNG. Blender's encoder is deterministic: equal pixels are equal bytes."""
    data, at, found = png.read_bytes(), 8, {b"IHDR": b"", b"IDAT": b""}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind in found:
            found[kind] += data[at + 8 : at + 8 + length]
        at += length + 12
    return found[b"IHDR"], zlib.decompress(found[b"IDAT"])


def levels_apart(one: Path, other: Path) -> int:
    """How far the filtered bytes of two PNGs of the same kind are apart, at most, round the clock."""
    (head, here), (same, there) = pixels(one), pixels(other)
    assert head == same
    return max(min((a - b) % 256, (b - a) % 256) for a, b in zip(here, there, strict=True))


def _run(*arguments: str) -> None:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    # The last words of a script that did its work: bpy's own end can crash or hang.
    assert "done" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]


def _plain(bpy):
    import scenes

    scene = scenes._spheres(bpy)
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    scene.cycles.samples = 8
    return scene


def _finished(bpy):
    """Two layers, data passes and a cryptomatte, through blur, glare and alpha to the picture."""
    import scenes

    scenes._layers(bpy)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 97, 61
    scene.cycles.samples, scene.cycles.seed = 8, 7
    scene.view_layers["Second"].samples = 0
    scene.cycles.use_denoising = False
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    node = {
        name: tree.nodes.new(f"CompositorNode{kind}")
        for name, kind in (
            ("first", "RLayers"),
            ("second", "RLayers"),
            ("blur", "Blur"),
            ("mix", "MixRGB"),
            ("multiply", "MixRGB"),
            ("glare", "Glare"),
            ("matte", "CryptomatteV2"),
            ("add", "MixRGB"),
            ("out", "Composite"),
        )
    }
    node["second"].layer = "Second"
    node["blur"].size_x = node["blur"].size_y = 5
    node["multiply"].blend_type, node["add"].blend_type = "MULTIPLY", "ADD"
    for name in ("mix", "multiply", "add"):
        node[name].inputs[0].default_value = 0.3
    node["matte"].scene, node["matte"].matte_id = scene, "Metal,Glass"
    for source, output, target, socket in (
        ("first", "Image", "blur", 0),
        ("blur", 0, "mix", 1),
        ("second", "Image", "mix", 2),
        ("mix", 0, "multiply", 1),
        ("first", "Normal", "multiply", 2),
        ("multiply", 0, "glare", 0),
        ("glare", 0, "add", 1),
        ("matte", "Matte", "add", 2),
        ("add", 0, "out", 0),
    ):
        tree.links.new(node[source].outputs[output], node[target].inputs[socket])
    return scene


def _denoised(bpy):
    """One layer is denoised, the other not; the compositor sees what was there before."""
    scene = _finished(bpy)
    scene.cycles.use_denoising = True
    scene.view_layers["Second"].cycles.use_denoising = False
    nodes = scene.node_tree.nodes
    noisy = nodes["Render Layers"].outputs["Noisy Image"]
    scene.node_tree.links.new(noisy, nodes["Mix.002"].inputs[2])
    return scene


def _adaptive(bpy):
    scene = _plain(bpy)
    scene.cycles.samples = 48
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.05
    scene.cycles.use_denoising = True
    scene.render.image_settings.color_mode = "RGB"


def _region(bpy):
    scene = _finished(bpy)
    scene.render.use_border = True
    edges = {"min_x": 0.2, "max_x": 0.7, "min_y": 0.3, "max_y": 0.9}
    for edge, at in edges.items():
        setattr(scene.render, f"border_{edge}", at)
    return scene


def _cropped(bpy):
    _region(bpy).render.use_crop_to_border = True


def _full(bpy):
    """What else goes into a file: AOVs, a light group, the denoiser's data, motion blur, half the size."""
    import scenes

    scenes._blur(bpy)
    scene, (layer,) = bpy.context.scene, bpy.context.scene.view_layers
    scene.render.resolution_x, scene.render.resolution_y = 130, 100
    scene.render.resolution_percentage = 50
    scene.cycles.samples, scene.render.film_transparent = 8, True
    layer.use_pass_mist = layer.use_pass_emit = layer.use_pass_shadow = layer.use_pass_uv = True
    layer.use_pass_object_index = layer.use_pass_cryptomatte_asset = True
    layer.cycles.denoising_store_passes = layer.cycles.pass_debug_sample_count = True
    layer.lightgroups.add(name="Key")
    bpy.data.objects["Area"].lightgroup = "Key"
    nodes = bpy.data.materials["Metal"].node_tree.nodes
    for name, kind in (("Hue", "COLOR"), ("Weight", "VALUE")):
        added = layer.aovs.add()
        added.name, added.type = name, kind
        output = nodes.new("ShaderNodeOutputAOV")
        output.aov_name = name
        output.inputs["Color"].default_value, output.inputs["Value"].default_value = (1, 2, 3, 1), 0.5
    scene.render.use_stamp = True
    scene.render.stamp_note_text, scene.render.use_stamp_note = "A note", True
    scene.render.use_stamp_date = scene.render.use_stamp_render_time = scene.render.use_stamp_time = False
    scene.view_settings.view_transform, scene.view_settings.look = "AgX", "AgX - Punchy"
    return scene


def _corner(bpy):
    """A region of one layer, without a compositor."""
    scene = _plain(bpy)
    scene.render.use_border, scene.render.film_transparent = True, True
    scene.render.border_max_x, scene.render.border_min_y = 0.7, 0.2
    return scene


def _cut_corner(bpy):
    _corner(bpy).render.use_crop_to_border = True


def _changing(bpy):
    """All that changes with the frame, small."""
    import scenes

    scenes._moving(bpy)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    scene.cycles.samples = 4
    return scene


def _image(bpy, name, path, *, edge=4):
    """An image file at `path`, with a datablock that reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = bpy.data.images.new("Made", edge, edge)
    made.filepath_raw, made.file_format = str(path), "PNG"
    made.save()
    bpy.data.images.remove(made)
    image = bpy.data.images.load(str(path))
    image.name = name
    return image


def _show(bpy, image):
    """Have the plane's material use an image."""
    material = bpy.data.materials.new(image.name)
    material.use_nodes = True
    bpy.data.objects["Plane"].data.materials.append(material)
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    return node


def _textured(bpy):
    """Textures of every kind of place, and some that no render needs."""
    scene, folder = _plain(bpy), Path.cwd() / "art" / "shots"
    kept = _image(bpy, "Kept", Path.cwd() / "art" / "maps" / "kept.png")
    kept.filepath = "//../maps/kept.png"
    _show(bpy, kept)
    packed = _image(bpy, "Packed", Path.cwd() / "art" / "maps" / "packed.png")
    packed.pack()
    _show(bpy, packed)
    for frame in (1, 2, 10):
        _image(bpy, f"s{frame}", folder / f"seq_{frame:03}.png").user_clear()
    sequence = _image(bpy, "Sequence", folder / "seq_001.png")
    sequence.source, sequence.filepath = "SEQUENCE", "//seq_001.png"
    _show(bpy, sequence)
    for tile in (1001, 1002):
        _image(bpy, f"u{tile}", folder / f"udim.{tile}.png").user_clear()
    udim = bpy.data.images.load(str(folder / "udim.1001.png"))
    udim.source, udim.filepath = "TILED", "//udim.<UDIM>.png"
    _show(bpy, udim)
    brush = _image(bpy, "Fake", folder / "fake.png")
    brush.use_fake_user, brush.filepath = True, "//fake.png"
    scene.use_nodes = True
    plate = _image(bpy, "Plate", folder / "plate.png")
    plate.filepath = "//plate.png"
    scene.node_tree.nodes.new("CompositorNodeImage").image = plate
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "textured.blend"), relative_remap=False)


def _absolute(bpy):
    _plain(bpy)
    _show(bpy, _image(bpy, "Far", Path.cwd() / "elsewhere" / "far.png"))


def _texture_gone(bpy):
    _plain(bpy)
    path = Path.cwd() / "gone.png"
    _show(bpy, _image(bpy, "Gone", path)).image.filepath = "//gone.png"
    path.unlink()


def _linking(bpy):
    """A scene that links from one library, which links from another, beside them."""
    _plain(bpy)
    far, near = Path.cwd() / "lib" / "deep" / "far.blend", Path.cwd() / "lib" / "near.blend"
    far.parent.mkdir(parents=True, exist_ok=True)
    grain = _image(bpy, "Grain", far.parent / "grain.png")
    grain.filepath = "//grain.png"
    _show(bpy, grain)
    bpy.ops.wm.save_as_mainfile(filepath=str(far), relative_remap=False)
    _link(bpy, far, "//deep/far.blend", "materials", "Grain")
    bpy.data.objects["Metal"].data.materials.append(bpy.data.materials["Grain"])
    bpy.ops.wm.save_as_mainfile(filepath=str(near), relative_remap=False)
    _link(bpy, near, "//lib/near.blend", "objects", "Metal")


def _link(bpy, library, path, kind, name):
    _plain(bpy)
    bpy.data.objects.remove(bpy.data.objects["Metal"])
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        setattr(wanted, kind, [name])
    for each in bpy.data.libraries:
        if each.name == library.name:
            each.filepath = path
    for linked in wanted.objects:
        bpy.context.scene.collection.objects.link(linked)
    if kind == "materials":
        bpy.ops.mesh.primitive_cube_add()
        bpy.context.object.name = "Metal"


def _library_gone(bpy):
    _linking(bpy)


def _later(bpy):
    _plain(bpy)


def _library_absolute(bpy):
    """The library keeps its image by an absolute path."""
    _plain(bpy)
    library = Path.cwd() / "owned.blend"
    _show(bpy, _image(bpy, "Fixed", Path.cwd() / "fixed.png"))
    bpy.ops.wm.save_as_mainfile(filepath=str(library), relative_remap=False)
    _link(bpy, library, "//owned.blend", "materials", "Fixed")
    bpy.context.object.data.materials.append(bpy.data.materials["Fixed"])


def _stereo(bpy):
    _plain(bpy).render.use_multiview = True


def _osl(bpy):
    _plain(bpy).cycles.shading_system = True


def _no_layer(bpy):
    _plain(bpy).view_layers[0].use = False


def _empty(bpy):
    scene = _plain(bpy)
    scene.world = None
    for shown in scene.objects:
        shown.hide_render = True


def _animated(bpy):
    scene = _plain(bpy)
    scene.cycles.keyframe_insert("samples", frame=1)


def _driven(bpy):
    _plain(bpy)
    for index, expression in enumerate(("frame * 0.1", "[x for x in (1, 2)][0]")):
        curve = bpy.data.objects["Metal"].driver_add("location", index)
        curve.driver.expression = expression


def _edited(bpy):
    scene = _plain(bpy)
    editor = scene.sequence_editor_create()
    editor.strips.new_effect("Black", "COLOR", 1, frame_start=1, frame_end=9)


def _greedy(bpy):
    _plain(bpy).view_layers[0].samples = 99


def _single(bpy):
    scene = _plain(bpy)
    scene.view_layers.new("Second")
    scene.render.use_single_layer = True


def _cached(bpy):
    _plain(bpy)
    bpy.data.objects["Metal"].modifiers.new("Cloth", "CLOTH")
    cache = Path.cwd() / "blendcache_cached" / "sim_000001_00.bphys"
    cache.parent.mkdir()
    cache.write_bytes(b"a frame of a simulation")


def _nameless(bpy):
    _plain(bpy)
    _show(bpy, _image(bpy, "Odd", Path.cwd() / "maps" / "a:b.png")).image.filepath = "//maps/a:b.png"


def _build(folder: str, *names: str) -> None:
    import bpy

    os.chdir(folder)
    for name in names:
        globals()[f"_{name}"](bpy)
        bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/{name}.blend", relative_remap=False)
        if name == "library_gone":
            (Path.cwd() / "lib" / "near.blend").unlink()
        if name == "later":
            blend = Path.cwd() / "later.blend"
            blend.write_bytes(blend.read_bytes().replace(b"BLENDER-v405", b"BLENDER-v409", 1))


def _picture(blend: str, png: str) -> None:
    import bpy

    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    render = bpy.context.scene.render
    render.image_settings.file_format, render.filepath = "PNG", png
    bpy.ops.render.render(write_still=True)


def _tiles(blend: str, folder: str, wanted: str) -> None:
    import bpy

    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    render = scene.render
    scene.cycles.samples, render.resolution_percentage, borders = json.loads(wanted)
    for layer in scene.view_layers:
        layer.cycles.denoising_store_passes = scene.cycles.use_denoising and layer.cycles.use_denoising
    scene.cycles.use_denoising = render.use_compositing = False
    render.use_border = render.use_crop_to_border = True
    render.image_settings.file_format, render.image_settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
    render.image_settings.exr_codec = "ZIP"
    for index, edges in enumerate(borders):
        for edge, at in edges.items():
            setattr(render, f"border_{edge}", at)
        render.filepath = f"{folder}/{index}.exr"
        bpy.ops.render.render(write_still=True)


def _main() -> None:
    command, *arguments = sys.argv[1:]
    {"build": _build, "picture": _picture, "tiles": _tiles}[command](*arguments)
    print("\ndone", flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main()
