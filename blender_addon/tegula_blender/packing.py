"""What a .blend orders: everything that fixes its pixels, and every reason why it cannot be rendered.

Imports bpy. The answer is plain data, to be written as JSON; paths are absolute. The artist's file is
read, never written: where its paths are absolute, a copy with relative ones is made elsewhere.
"""

from pathlib import Path

import bpy

from tegula_blender import complaints, scene_files

OLDEST = (4, 4, 0)
"""The first with `bpy.data.file_path_map`."""


def inspect(blend, *, samples=None, percentage=None, copy):
    """Open `blend` with its scripts off and describe the scene that F12 would render.

    Args:
        samples, percentage: instead of the scene's own.
        copy: path for the copy with relative paths, which is made only if one is needed.
    Returns:
        "problems", sentences that say what to do. "scene", None if the file cannot be opened: see
        `describe`. "blend", the file whose bytes are the job's; "files", the others that it needs.
    """
    said = opened(blend)
    if said:
        return {"problems": [said], "scene": None, "blend": blend, "files": []}
    scene = bpy.context.scene
    if samples is not None:
        scene.cycles.samples = samples
    if percentage is not None:
        scene.render.resolution_percentage = percentage
    found = scene_files.needed(scene)
    problems = complaints.about(scene, scene_files.reached(scene)) + found.problems
    if found.absolute and not problems:
        blend = copy
        problems += _save_relative(scene, copy)
    return {
        "problems": problems,
        "scene": describe(scene),
        "blend": blend,
        "files": sorted(map(str, found.paths)),
    }


def opened(blend):
    """Why Blender does not open it, as a sentence, or nothing."""
    here = "Blender " + ".".join(map(str, bpy.app.version[:2]))
    if bpy.app.version < OLDEST:
        return f"This is {here}; name one of {OLDEST[0]}.{OLDEST[1]} or later."
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    try:
        bpy.ops.wm.open_mainfile(filepath=str(Path(blend).absolute()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        why = " ".join(str(error).removeprefix("Error: ").split())
        return f"{Path(blend).name} cannot be opened ({why}); save it again from Blender."
    if bpy.data.version[:2] > bpy.app.version[:2]:
        there = ".".join(map(str, bpy.data.version[:2]))
        return f"The scene was saved by Blender {there}, of which {here} would lose a part; name a later one."
    return None


def describe(scene):
    """The scene's settings under the names of `model.Scene`, as Blender has them.

    Besides: "border" is float32 fractions with the origin at the bottom left, "denoised" the view layers
    whose denoising is asked for, "range" what an animation would render.
    """
    render, cycles = scene.render, scene.cycles
    adaptive = {"threshold": cycles.adaptive_threshold, "min_samples": cycles.adaptive_min_samples}
    layers = complaints.enabled(scene)
    return {
        "blender": ".".join(map(str, bpy.app.version)),
        "engine": render.engine,
        "resolution_x": render.resolution_x,
        "resolution_y": render.resolution_y,
        "percentage": render.resolution_percentage,
        "border": _border(render) if render.use_border else None,
        "crop": render.use_border and render.use_crop_to_border,
        "spp": cycles.samples,
        "seed": cycles.seed,
        "adaptive": adaptive if cycles.use_adaptive_sampling else None,
        "view_layers": len(layers),
        "denoised": [layer.name for layer in layers if cycles.use_denoising and layer.cycles.use_denoising],
        "current": scene.frame_current,
        "range": [scene.frame_start, scene.frame_end, scene.frame_step],
        "fps": render.fps / render.fps_base,
    }


def _border(render):
    return {edge: getattr(render, f"border_{edge}") for edge in ("min_x", "max_x", "min_y", "max_y")}


def _save_relative(scene, copy):
    """Save a copy with paths relative to where the original lies; the problems that are left."""
    bpy.ops.file.make_paths_relative()
    left = scene_files.needed(scene).absolute
    # Remapped, the paths would be relative to the copy, which is not where the workers will have it.
    bpy.ops.wm.save_as_mainfile(filepath=copy, copy=True, relative_remap=False)
    return [f"{path} lies on another drive than the scene; move it beside the .blend." for path in left]
