"""Scenes that mean harm. Like scenes.py, this file is also the script that builds them.

    python hostile_scenes.py KIND BLEND CANARY PORT
    python hostile_scenes.py trust BLEND

CANARY is a file that is not there and should not come to be; on PORT somebody listens to whom nobody should
speak. `secret` shows elsewhere/secret.png, beside the canary. To `trust` is to open a scene with its scripts
on, which shows that they are no blanks.
"""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import zstandard

import scenes

HARM = """
import bpy, socket
from pathlib import Path

def harm(*_):
    Path({canary!r}).touch()
    socket.create_connection(("127.0.0.1", {port}), timeout=1)

def register():
    for event in ("load_post", "render_pre", "frame_change_post", "depsgraph_update_post"):
        getattr(bpy.app.handlers, event).append(harm)
    harm()

register()
"""
OSL = "shader harm(output color Colour = 0) { Colour = 1; }"


def build(kind: str, folder: Path, port: int = 0) -> Path:
    """FOLDER/KIND.blend; the canary is FOLDER/canary."""
    folder.chmod(0o755)  # what root starts in a sandbox is not root
    blend = folder / f"{kind}.blend"
    command = [sys.executable, __file__, kind, str(blend), str(folder / "canary"), str(port)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert "done" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]
    return blend


def trust(blend: Path) -> None:
    command = [sys.executable, __file__, "trust", str(blend)]
    subprocess.run(command, cwd=blend.parent, capture_output=True, check=False, timeout=300)


def zip_bomb(blend: Path) -> Path:
    """Half a megabyte that unpacks to blocks of two gigabytes."""
    size, piece, packer = 2**31 - 2**24, 1 << 24, zstandard.ZstdCompressor()
    block = packer.compress(b"DATA" + struct.pack("<iQii", size, 1, 0, 1))
    zeros = packer.compress(bytes(piece)) * (size // piece)
    blend.write_bytes(packer.compress(b"BLENDER-v405") + (block + zeros) * 8)
    blend.parent.chmod(0o755)
    return blend


def png(path: Path, width: int, height: int, grey: int) -> Path:
    """One grey, a bit each pixel if it is black: a million pixels in a hundred bytes."""
    depth, row = (1, b"\0" * (1 + (width + 7) // 8)) if grey == 0 else (8, bytes([0, *[grey] * width]))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
    return path


def _text(bpy, name, body):
    text = bpy.data.texts.new(name)
    text.from_string(body)
    text.use_module = True


def _register(bpy, canary, port):
    """A script that runs when the file is opened, and leaves handlers that run whenever something happens."""
    scenes._spheres(bpy)
    _text(bpy, "harm.py", HARM.format(canary=canary, port=port))


def _driver(bpy, canary, port):
    scenes._spheres(bpy)
    curve = bpy.data.objects["Metal"].driver_add("location", 2)
    curve.driver.expression = f"__import__('pathlib').Path({canary!r}).touch() or 1.0"


def _node_driver(bpy, canary, port):
    """The same where it is less seen: in a material's nodes."""
    scenes._spheres(bpy)
    nodes = bpy.data.materials["Metal"].node_tree.nodes
    curve = nodes["Principled BSDF"].inputs["Roughness"].driver_add("default_value")
    curve.driver.expression = f"open({canary!r}, 'w').close() or 0.5"


def _osl(bpy, canary, port):
    scene = scenes._spheres(bpy)
    scene.cycles.shading_system = True
    text = bpy.data.texts.new("harm.osl")
    text.from_string(OSL)
    bpy.data.materials["Metal"].node_tree.nodes.new("ShaderNodeScript").script = text


def _script_node(bpy, canary, port):
    """What is left of Open Shading Language once it is turned off."""
    _osl(bpy, canary, port)
    bpy.context.scene.cycles.shading_system = False


def _freestyle(bpy, canary, port):
    scenes._freestyle(bpy)
    _text(bpy, "style.py", HARM.format(canary=canary, port=port))
    settings = bpy.context.view_layer.freestyle_settings
    settings.mode = "SCRIPT"
    module = settings.modules.new()
    module.script, module.use = bpy.data.texts["style.py"], True


def _picture(bpy, path):
    """Everything glows with the picture of a file."""
    material = bpy.data.materials.new("Picture")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    image, glow, out = (nodes.new(f"ShaderNode{k}") for k in ("TexImage", "Emission", "OutputMaterial"))
    image.image = bpy.data.images.load(path, check_existing=False)
    links.new(image.outputs["Color"], glow.inputs["Color"])
    links.new(glow.outputs["Emission"], out.inputs["Surface"])
    for thing in bpy.data.objects:
        if thing.type == "MESH":
            thing.data.materials.clear()
            thing.data.materials.append(material)


def _secret(bpy, canary, port):
    scenes._spheres(bpy)
    _picture(bpy, str(Path(canary).with_name("elsewhere") / "secret.png"))


def _image_bomb(bpy, canary, port):
    """Forty thousand pixels a side: a few kilobytes that are six gigabytes in memory."""
    scenes._spheres(bpy)
    small = png(Path("bomb.png"), 8, 8, 0)
    _picture(bpy, str(small.absolute()))
    bpy.data.images[0].filepath = "//bomb.png"
    png(small, 40_000, 40_000, 0)


def _writes(bpy, canary, port):
    """Outputs of its own: a node that writes files, and a folder for the frame."""
    scene = scenes._spheres(bpy)
    scene.render.filepath = canary
    scene.use_nodes = True
    output = scene.node_tree.nodes.new("CompositorNodeOutputFile")
    output.base_path = canary
    layers = next(n for n in scene.node_tree.nodes if n.type == "R_LAYERS")
    scene.node_tree.links.new(layers.outputs["Image"], output.inputs[0])


def _nodes(bpy, name):
    scenes._spheres(bpy)
    group = bpy.data.node_groups.new(name, "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    group.is_modifier = True
    bpy.data.objects["Metal"].modifiers.new("Harm", "NODES").node_group = group
    return group, group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")


def _endless(bpy, canary, port):
    """Positions that are smoothed two thousand million times."""
    group, start, end = _nodes(bpy, "Endless")
    place, blur, move = (
        group.nodes.new(f"GeometryNode{k}") for k in ("InputPosition", "BlurAttribute", "SetPosition")
    )
    blur.data_type = "FLOAT_VECTOR"
    blur.inputs["Iterations"].default_value = 2**31 - 1
    value = next(socket for socket in blur.inputs if socket.name == "Value" and socket.enabled)
    group.links.new(place.outputs[0], value)
    group.links.new(next(socket for socket in blur.outputs if socket.enabled), move.inputs["Position"])
    group.links.new(start.outputs[0], move.inputs["Geometry"])
    group.links.new(move.outputs["Geometry"], end.inputs[0])
    _hide(bpy)


def _hog(bpy, canary, port):
    """A grid of 16 thousand million vertices."""
    group, _, end = _nodes(bpy, "Hog")
    grid = group.nodes.new("GeometryNodeMeshGrid")
    for name in ("Vertices X", "Vertices Y"):
        grid.inputs[name].default_value = 40_000
    group.links.new(grid.outputs["Mesh"], end.inputs[0])
    _hide(bpy)


def _hide(bpy):
    """Not evaluated while it is built."""
    bpy.data.objects["Metal"].modifiers["Harm"].show_viewport = False


def _crash(bpy, canary, port):
    """A mesh whose corners name vertices that are not there."""
    scenes._spheres(bpy)
    for loop in bpy.data.objects["Metal"].data.loops:
        loop.vertex_index = 2**30


KINDS = {
    "register": _register, "driver": _driver, "node_driver": _node_driver, "osl": _osl,
    "script_node": _script_node, "freestyle": _freestyle, "secret": _secret, "image_bomb": _image_bomb,
    "writes": _writes,
    "endless": _endless, "hog": _hog, "crash": _crash,
}  # fmt: skip


def _main() -> None:
    import bpy

    if sys.argv[1] == "trust":
        bpy.context.preferences.filepaths.use_scripts_auto_execute = True
        bpy.ops.wm.open_mainfile(filepath=sys.argv[2], use_scripts=True)
        os._exit(0)
    kind, blend, canary, port = sys.argv[1:]
    KINDS[kind](bpy, canary, int(port))
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=True, relative_remap=False)
    print("\ndone", flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main()
