"""The process that renders: the only part of the worker that imports bpy.

A script of its own, for the bpy module and for the Blender program alike:

    python render_child.py --product-fd M --reply-fd N
    blender -b --factory-startup --disable-autoexec --python render_child.py -- --product-fd M --reply-fd N

Commands come as JSON lines on stdin, replies leave as JSON lines on descriptor N, because Blender
prints on stdout; the end of stdin is the end of the process. An image is in the file of descriptor M when
its reply comes. Whatever the scene says is pinned to what the order says before a pixel is rendered.
"""

import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import bpy
import cycles

DEVICES = ("CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL")
DRIVER_WORDS = (
    "cuda",
    "in cu",
    "optix",
    "hip",
    "oneapi",
    "sycl",
    "metal",
    "kernel",
    "acceleration structure",
)
"""What Cycles' own words for a failing driver or card have in them."""
ASIDE = "Tegula: nothing"
"""The name of an empty scene."""
EDGES = {}
"""The render border for Cycles, by the names of Blender's settings; see `aim`."""


class Refused(Exception):
    """A scene or a command that is not rendered: the failure's class and a sentence about it."""

    def __init__(self, failure, sentence):
        super().__init__(sentence)
        self.failure = failure


def main():
    replies = os.fdopen(descriptor("--reply-fd"), "w", buffering=1)
    product = os.fdopen(descriptor("--product-fd"), "wb", buffering=0)
    commands = queue.SimpleQueue()
    threading.Thread(target=listen, args=(commands,), daemon=True).start()
    follow_edges(cycles.CyclesRender)
    answer(replies, blender=".".join(map(str, bpy.app.version)), devices=devices())
    while True:
        command = commands.get()
        handler = {"load": load, "render": partial(render, product)}[command.pop("command")]
        try:
            answer(replies, **handler(**command))
        except Refused as error:
            answer(replies, failure=error.failure, sentence=str(error))


def descriptor(option):
    return int(sys.argv[sys.argv.index(option) + 1])


def listen(commands):
    """Queue the commands; end the process when the parent is gone, even in the middle of a render."""
    for line in sys.stdin:
        commands.put(json.loads(line))
    os._exit(0)


def answer(replies, **reply):
    replies.write(json.dumps(reply) + "\n")


def devices():
    """What Cycles could render on. It lists the CPU beside every kind of GPU: that is left out."""
    cycles = bpy.context.preferences.addons["cycles"].preferences
    # Another kernel gives other bits: to whoever compares pixels it is another device.
    kernel = " without AVX2" if "CYCLES_CPU_NO_AVX2" in os.environ else ""
    found = {kind: [entry[:3] for entry in cycles.get_device_list(kind)] for kind in DEVICES}
    return [
        {"kind": kind, "name": plain(name) + (kernel if kind == "CPU" else ""), "id": card}
        for kind, listed in found.items()
        for name, its_kind, card in listed
        if its_kind == kind
    ]


def plain(name):
    """Equal cards have one name, whether or not a screen hangs on them."""
    return name.removesuffix(" (Display)")


def load(blend, scene, device, card):
    """Open the .blend, pin the settings of `scene` (the fields of model.Scene).

    Args:
        card: the id of the only device that is used.
    """
    started = time.monotonic()
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    try:
        bpy.ops.wm.open_mainfile(filepath=str(Path(blend).absolute()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise Refused("UNREADABLE_SCENE", f"{Path(blend).name} cannot be opened: {said(error)}") from error
    refuse(bpy.context.scene, scene)
    refuse_drivers(bpy.context.scene)
    refuse_without(missing(bpy.data))
    pin_output(bpy.context.scene.render, scene)
    pin_cycles(bpy.context.scene, scene)
    use_device(bpy.context.scene.cycles, device, card)
    bpy.data.scenes.new(ASIDE)
    show(bpy.context.scene, bpy.context.scene.frame_current)
    return {"seconds": time.monotonic() - started}


def refuse(scene, order):
    """What would not be Cycles' own pixels, or would run code that the scene brings along."""
    if scene.render.engine != "CYCLES":
        raise Refused(
            "WRONG_ENGINE", f"the scene renders with {scene.render.engine}; set its render engine to Cycles"
        )
    if scene.render.use_freestyle:
        raise Refused("UNSAFE", "the scene uses Freestyle, which runs scripts; turn Freestyle off")
    if scene.cycles.shading_system:
        raise Refused("UNSAFE", "the scene uses Open Shading Language; turn it off")
    cameras = (scene.camera, *(marker.camera for marker in scene.timeline_markers))
    if any(camera and camera.type == "CAMERA" and camera.data.type == "CUSTOM" for camera in cameras):
        raise Refused("UNSAFE", "a camera of the scene runs a script (type Custom); choose another type")
    if scene.cycles.use_guiding:
        # It learns from all that is rendered at once: tiles differ from the frame, probes from tiles.
        raise Refused("NOT_TILEABLE", "the scene uses path guiding, which tiles cannot match; turn it off")
    enabled = [layer for layer in scene.view_layers if layer.use]
    if len(enabled) != order["view_layers"]:
        raise Refused(
            "MISMATCH", f"the scene renders {len(enabled)} view layers, the order says {order['view_layers']}"
        )
    most = max((layer.samples for layer in enabled), default=0)
    if scene.cycles.use_layer_samples == "USE" and most > order["spp"]:
        raise Refused(
            "MISMATCH", f"a view layer sets {most} samples of its own, the order pays for {order['spp']}"
        )


def refuse_drivers(scene):
    """Blender evaluates simple expressions itself. The others are Python: with scripts off they keep a value
    of some other frame, so the picture would be another than the artist's."""
    for block in reached(scene):
        for owner in (block, getattr(block, "node_tree", None)):
            for curve in getattr(getattr(owner, "animation_data", None), "drivers", ()):
                if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression:
                    raise Refused(
                        "UNSAFE",
                        f"{said(block.name)!r} is driven by a script, which workers do not run; bake it to"
                        " keyframes, or delete the driver",
                    )


def reached(scene):
    """The datablocks that the scene leads to."""
    uses = {}
    for block, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, set()).add(block)
    found, ahead = set(), [scene]
    while ahead:
        block = ahead.pop()
        if block not in found:
            found.add(block)
            ahead += uses.get(block, ())
    return found


def missing(data):
    """What was linked or loaded from files that are not there, as far as anything uses it."""
    linked = [block for library in data.libraries for block in library.users_id if block.is_missing]
    images = [
        image
        for image in data.images
        if image.source == "FILE" and not image.packed_file and not image.library and image.users
        if not Path(bpy.path.abspath(image.filepath)).is_file()
    ]
    return [block for block in (*linked, *images) if block.users]


def refuse_without(missing):
    """A scene that would be rendered pink where something is missing, or without it.

    What only the compositor uses is not sent, and what nothing uses is not missed.
    """
    if not missing:
        return
    here = {block.original for block in bpy.context.evaluated_depsgraph_get().ids}
    users = bpy.data.user_map(subset=missing)
    names = sorted(
        f"{block.id_type.lower()} {block.name}"
        for block in missing
        if block in here and not (block.id_type == "IMAGE" and all(map(finishes, users[block])))
    )
    if names:
        raise Refused("MISSING_ASSET", said(f"the scene uses {', '.join(names)}, whose file was not sent"))


def finishes(block):
    """Whether a user of an image is the compositor: a scene's own, or a group of its nodes."""
    return block.id_type == "SCENE" or getattr(block, "bl_idname", "") == "CompositorNodeTree"


def pin_output(render, scene):
    render.resolution_x, render.resolution_y = scene["resolution_x"], scene["resolution_y"]
    render.resolution_percentage = scene["percentage"]
    render.use_border = render.use_crop_to_border = True
    render.border_min_x = render.border_min_y = 0.0
    render.border_max_x = render.border_max_y = 1.0
    render.use_compositing = render.use_sequencer = render.use_single_layer = False
    render.threads_mode = "AUTO"
    render.use_file_extension = False
    # From 4.5 on Blender reads {name} in a path as a template.
    path = str(image_file())
    render.filepath = path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5, 0) else path
    for stamp in [p.identifier for p in render.bl_rna.properties if p.identifier.startswith("use_stamp")]:
        setattr(render, stamp, False)
    image = render.image_settings
    if hasattr(image, "media_type"):  # Blender 5: it decides which formats can be chosen
        image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth, image.exr_codec, image.color_management = "32", "ZIP", "FOLLOW_SCENE"
    if render.use_multiview:
        image.views_format = "MULTIVIEW"


def keep_warm(scene):
    """Have Cycles keep its data from now on, and none from before.

    Not where it would hand it from one view layer to the next: of 1,440 tiles of a scene with two layers, the
    last 8 of a process showed what was the other layer's (Blender 4.5, and 5.0 too), and sample counts and
    AOVs are mixed up each time. What goes wrong there, objects that come and go, can happen between frames.
    """
    scene.render.use_persistent_data = False  # frees it
    scene.render.use_persistent_data = sum(layer.use for layer in scene.view_layers) == 1


def show(scene, frame):
    """As the artist's window would: markers choose the camera. As much work as Blender does anyway for each
    render, so it is done when the frame changes and not for each tile."""
    keep_warm(scene)
    scene.frame_set(frame)
    # Blender takes the frame from the window's scene (`screen_render_exec` in its render_internal.cc).
    bpy.data.scenes[ASIDE].frame_current = frame


def pin_cycles(scene, pinned):
    cycles, adaptive = scene.cycles, pinned["adaptive"]
    for layer in scene.view_layers:
        # The whole frame is denoised after stitching, for which Cycles wants these passes kept.
        layer.cycles.denoising_store_passes |= cycles.use_denoising and layer.cycles.use_denoising
        layer.cycles.use_denoising = False
    cycles.use_denoising = False
    cycles.samples, cycles.seed, cycles.time_limit = pinned["spp"], pinned["seed"], 0
    cycles.use_adaptive_sampling = adaptive is not None
    if adaptive is not None:
        cycles.adaptive_threshold = adaptive["threshold"]
        cycles.adaptive_min_samples = adaptive["min_samples"]
    # Cycles' own tiles would cut ours again, at places that depend on where ours lie.
    cycles.use_auto_tile = False


def use_device(cycles, device, card):
    """Exactly one: Cycles would share a render out among all that are ticked."""
    cycles.device = "CPU" if device == "CPU" else "GPU"
    if device == "CPU":
        return
    preferences = bpy.context.preferences.addons["cycles"].preferences
    try:
        preferences.compute_device_type = device
    except TypeError as error:
        raise Refused("NO_DEVICE", f"this Blender cannot render with {device}") from error
    preferences.refresh_devices()
    for found in preferences.devices:
        found.use = (found.type, found.id) == (device, card)
    # With none ticked Cycles renders on the processor and says nothing.
    if not any(found.use for found in preferences.devices):
        raise Refused("NO_DEVICE", f"there is no {device} device {card} here")


def render(product, frame, border):
    """One rect of one frame, all enabled view layers, into one multilayer EXR."""
    scene = bpy.context.scene
    if frame != scene.frame_current:
        show(scene, frame)
    if scene.camera is None:
        raise Refused("NO_CAMERA", f"frame {frame} has no camera; add one, or make one the scene's camera")
    aim(scene.render, {f"border_{side}": place for side, place in border.items()})
    started = time.monotonic()
    try:
        render_aside(scene)
    except RuntimeError as error:
        failure = failure_of(said(error), scene.cycles.device)
        raise Refused(failure, f"frame {frame} was not rendered: {said(error)}") from error
    seconds = time.monotonic() - started
    if not image_file().is_file():
        raise Refused("NOT_RENDERED", f"frame {frame} was not rendered: Blender wrote no image")
    hand_over(image_file(), product)
    return {"seconds": seconds}


def image_file():
    return Path(tempfile.gettempdir(), "image.exr").absolute()


def aim(render, edges):
    """Have the next image show this border.

    Blender evaluates every object of a scene again when any setting of the scene was written: of the 56 ms
    that a tile of one sample took in a scene of 2,249 objects, that was 29. So the border there is written
    only when the image's size, which Blender takes from it, is to be another. Which part of the frame is
    rendered, Cycles reads from the engine's own copy of the settings.
    """
    if size(render, edges) != size(render, {edge: getattr(render, edge) for edge in edges}):
        for edge, place in edges.items():
            setattr(render, edge, place)
    EDGES.update(edges)


def follow_edges(engine_class):
    cycles_update = engine_class.update

    def update(engine, data, depsgraph):
        for edge, place in EDGES.items():
            setattr(engine.render, edge, place)
        cycles_update(engine, data, depsgraph)

    engine_class.update = update


def size(render, edges):
    """Pixels of the image, as `RE_InitState` in Blender's pipeline.cc counts them."""
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    return (
        int(edges["border_max_x"] * width) - int(edges["border_min_x"] * width),
        int(edges["border_max_y"] * height) - int(edges["border_min_y"] * height),
    )


def render_aside(scene):
    """Blender evaluates the window's scene once more after each render, for somebody to look at; an empty one
    takes no time."""
    nothing = bpy.data.scenes[ASIDE]
    with bpy.context.temp_override(scene=nothing, view_layer=nothing.view_layers[0]):
        bpy.ops.render.render(write_still=True, scene=scene.name)


def hand_over(image, product):
    product.seek(0)
    product.truncate()
    with image.open("rb") as source:
        shutil.copyfileobj(source, product)
    image.unlink()


def failure_of(sentence, device):
    """Which class Cycles' words are of, by what its device/*/device_impl.cpp and queue.cpp say."""
    words = sentence.lower()
    if "out of gpu" in words or (device == "GPU" and "out of memory" in words):
        return "OUT_OF_GPU_MEMORY"
    if "out of memory" in words:
        return "OUT_OF_MEMORY"
    of_driver = device == "GPU" and any(word in words for word in DRIVER_WORDS)
    return "DRIVER" if of_driver else "NOT_RENDERED"


def said(error):
    """Blender's own words, on one line."""
    words = " ".join(str(error).removeprefix("Error: ").split())
    return "".join(letter for letter in words if letter.isprintable())[:1000]


if __name__ == "__main__":
    main()
