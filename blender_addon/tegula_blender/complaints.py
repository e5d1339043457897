"""What stands in the way of rendering a scene in tiles on other people's machines.

It takes bpy's objects, and needs no bpy itself. Each is a sentence that says what to do.
Workers refuse the same; saying it here saves an upload.
"""

from . import paths

PINNED = (
    "cycles.samples", "cycles.adaptive_threshold", "cycles.adaptive_min_samples", "render.resolution_x",
    "render.resolution_y", "render.resolution_percentage",
)  # fmt: skip
"""What an order fixes for all of its frames."""
VISIBLE = (
    "MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME", "GPENCIL", "GREASEPENCIL",
    "EMPTY",
)  # fmt: skip
"""Types of objects that Cycles may show; an empty may stand for a collection."""


def label(block):
    return f"{block.bl_rna.name} {block.name!r}"


def enabled(scene):
    return [layer for layer in scene.view_layers if layer.use]


def about(scene, blocks):
    """All that is wrong with a scene that leads to `blocks`; nothing here looks at files."""
    if scene.render.engine != "CYCLES":
        # Most of the rest reads Cycles' settings, which say nothing here.
        return [f"The scene renders with {scene.render.engine}; set its render engine to Cycles."]
    said = [*_camera(scene), *_layers(scene), *_settings(scene), *_sequencer(scene)]
    return list(dict.fromkeys([*said, *_drivers(blocks), *_gone(blocks), *_unbaked(blocks)]))


def about_unsaved(blocks):
    """What the open session has and a saved copy would not."""
    return [
        f"{label(block)} has changes that are not saved; save it, or pack it (both in the Image menu)."
        for block in sorted(blocks, key=lambda block: block.name)
        if block.id_type == "IMAGE" and block.is_dirty and block.source != "VIEWER"
    ]


def _unbaked(blocks):
    """Workers go straight to their frame, where a simulation is not before it has run up to it."""
    for block in blocks:
        if not getattr(block, "hide_render", False):
            caches = paths.point_caches(block)
            if any(not (cache.is_baked or cache.use_external) for cache in caches) or _creeps(block):
                yield f"{label(block)} has a simulation that is not baked; bake it, since workers do not."


def _creeps(block):
    """Whether geometry nodes simulate and are to be baked to disk, but have never been."""
    modifiers = block.modifiers if block.id_type == "OBJECT" else ()
    return any(
        bake.node and bake.node.bl_idname == "GeometryNodeSimulationOutput"
        for modifier in modifiers
        if modifier.type == "NODES" and not modifier.bake_directory
        for bake in paths.on_disk(modifier)
        if not bake.use_custom_path
    )


def _gone(blocks):
    for block in blocks:
        if block.is_missing and block.library and not block.library.is_missing:
            yield (
                f"{label(block)} is not in its library {block.library.filepath}; put it back there, or"
                " relocate the library in Blender."
            )


def _camera(scene):
    cameras = [scene.camera, *(marker.camera for marker in scene.timeline_markers)]
    if not any(cameras):
        yield "The scene has no camera; add one, or make one of its cameras the scene's camera."
    if any(camera and camera.type == "CAMERA" and camera.data.type == "CUSTOM" for camera in cameras):
        yield "A camera of the scene runs a script (type Custom), which workers do not; choose another type."


def _layers(scene):
    layers = enabled(scene)
    if not layers:
        yield "No view layer is rendered; turn on Use for Rendering for at least one."
        return
    if scene.render.use_single_layer and len(layers) > 1:
        yield "Render Single Layer is on; turn it off, and turn off the view layers that are not wanted."
    objects = (shown for layer in layers for shown in layer.objects)
    if scene.world is None and not any(o.type in VISIBLE and not o.hide_render for o in objects):
        yield "There is nothing to render: no object is visible in renders, and there is no world."
    if scene.cycles.use_layer_samples == "USE":
        for layer in layers:
            if layer.samples > scene.cycles.samples:
                yield (
                    f"View layer {layer.name!r} sets {layer.samples} samples of its own, the scene"
                    f" {scene.cycles.samples}; raise the scene's samples, which are what is paid for."
                )


def _settings(scene):
    render, cycles = scene.render, scene.cycles
    if render.use_multiview:
        yield "The scene renders in stereo, which tiles do not cover; turn Stereoscopy off."
    if render.use_freestyle:
        yield "The scene uses Freestyle, which runs scripts; turn Freestyle off."
    if cycles.shading_system:
        yield "The scene uses Open Shading Language, which runs scripts; turn it off."
    if cycles.use_guiding:
        yield "The scene uses path guiding, which tiles cannot match; turn it off."
    if any(curve.data_path in PINNED for curve in _curves(scene.animation_data)):
        yield "Samples or resolution are animated; an order has one of each, so clear their keyframes."


def _curves(data):
    if data is None:
        return []
    layers = getattr(data.action, "layers", ())  # Blender 4.4 and later
    bags = [bag for layer in layers for strip in layer.strips for bag in strip.channelbags]
    old = [] if bags else getattr(data.action, "fcurves", [])
    return [*data.drivers, *old, *(curve for bag in bags for curve in bag.fcurves)]


def _sequencer(scene):
    """With strips there, F12 renders the sequence, and the scene only where a strip shows it."""
    editor = scene.sequence_editor
    old, new = "sequences_all", "strips_all"  # Blender 4.4 changed the name
    strips = getattr(editor, new if hasattr(editor, new) else old, ())
    if scene.render.use_sequencer and any(not strip.mute for strip in strips):
        yield "The video sequencer has strips that take the place of the render; turn Sequencer off."


def _drivers(blocks):
    """Blender evaluates simple expressions itself. The others are Python, which nobody else runs.

    They are refused, not baked: a bake that is exact has to have the moments between frames that motion blur
    looks at, too, and to step the open session through all of them.
    """
    for block in blocks:
        for owner in (block, getattr(block, "node_tree", None)):
            for curve in getattr(getattr(owner, "animation_data", None), "drivers", ()):
                driver = curve.driver
                if driver.type == "SCRIPTED" and not driver.is_simple_expression:
                    yield (
                        f"{block.name!r} is driven by a script ({driver.expression[:60]!r}), which workers do"
                        " not run; bake it to keyframes, or delete the driver."
                    )
