"""What a .blend orders: everything that fixes its pixels, and every reason why it cannot be rendered.

Imports bpy. The answer is plain data, to be written as JSON; paths are absolute. The artist's files are read,
never written: where paths are absolute, `rewriting` makes copies with relative ones elsewhere.
"""

from pathlib import Path

import bpy

from . import colours, complaints, scene_files

OLDEST = (4, 2, 0)


def inspect(blend, *, samples=None, percentage=None):
    """Open `blend` with its scripts off and describe the scene that F12 would render.

    Args:
        samples, percentage: instead of the scene's own.
    Returns:
        "problems": sentences that say what to do; with any, the rest may be missing.
        "scene": see `describe`.
        "blend": where the .blend lies, or would lie, for its files to be found.
        "here": the same scene as a file that opens where it is, to try and to finish it with. What physics
        have baked beside "blend" it may lack.
        "bytes": the file that the job has in the place of "blend".
        "files": the others that the job needs.
        "absolute": of all these places, those of .blend files that need a copy with relative paths, or may.
    """
    with colours.missed() as unknown:
        said = opened(blend)
    if said:
        return {"problems": [said]}
    scene = bpy.context.scene
    if samples is not None:
        scene.cycles.samples = samples
    if percentage is not None:
        scene.render.resolution_percentage = percentage
    answer = _looked_through(scene, Path(blend))
    return {**answer, "problems": unknown + answer["problems"]}


def pack_open(scratch):
    """Describe and copy the scene that is open, with what is not saved yet. Call in Blender's own thread.

    The artist's file, folder, undo history and session stay as they are. A scene without unsaved changes is
    not copied: Blender never saves the same bytes twice, and what a coordinator has need not go up again.

    Args:
        scratch: a folder of the job's own, that lasts as long as the job.
    Returns:
        as `inspect`. A scene that was never saved would lie in `scratch`.
    """
    scene, scratch, saved = bpy.context.scene, Path(scratch), bpy.data.filepath
    home = Path(saved) if saved else scratch / "untitled.blend"
    answer = _looked_through(scene, home)
    answer["problems"] += complaints.about_unsaved(scene_files.reached(scene))
    if answer["problems"]:
        return answer
    try:
        return answer | (_copied(home, scratch, answer) if saved else _saved_first(home, answer))
    except RuntimeError as error:
        return {"problems": [f"The scene cannot be copied into {scratch} ({_why(error)})."]}


def _copied(home, scratch, answer):
    if home.is_file() and not bpy.data.is_dirty:
        return {}
    here = sent = scratch / "here.blend"
    _save_copy(here, relative_remap=True)
    if str(home) not in answer["absolute"]:
        sent = scratch / "sent.blend"
        _save_copy(sent, relative_remap=False)
    return {"here": str(here), "bytes": str(sent)}


def _saved_first(home, answer):
    """Blender makes all paths relative when it saves what has never been saved."""
    _save_copy(home, relative_remap=True)
    return {"absolute": [path for path in answer["absolute"] if path != str(home)]}


def _save_copy(path, *, relative_remap):
    autopack, bpy.data.use_autopack = bpy.data.use_autopack, False  # would pack files in the session
    try:
        bpy.ops.wm.save_as_mainfile(
            filepath=str(path), copy=True, relative_remap=relative_remap, compress=True
        )
    finally:
        bpy.data.use_autopack = autopack


def _looked_through(scene, home):
    found = scene_files.needed(scene, home)
    problems = complaints.about(scene, scene_files.reached(scene)) + found.problems + colours.about()
    return {
        "problems": problems,
        "scene": describe(scene),
        **dict.fromkeys(("blend", "here", "bytes"), str(home)),
        "files": sorted(map(str, found.paths)),
        "absolute": sorted(map(str, found.absolute)),
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
        return f"{Path(blend).name} cannot be opened ({_why(error)}); save it again from Blender."
    if bpy.data.version[:2] > bpy.app.version[:2]:
        there = ".".join(map(str, bpy.data.version[:2]))
        return f"The scene was saved by Blender {there}, of which {here} would lose a part; name a later one."
    return None


def _why(error):
    return " ".join(str(error).removeprefix("Error: ").split())


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
        "denoised": [layer.name for layer in layers if layer.cycles.use_denoising]
        if _denoises(cycles)
        else [],
        "current": scene.frame_current,
        "range": [scene.frame_start, scene.frame_end, scene.frame_step],
        "fps": render.fps / render.fps_base,
    }


def _denoises(cycles):
    """Some builds of Blender have no denoiser; their F12 then leaves the picture as it is."""
    import _cycles  # is there once bpy is

    return cycles.use_denoising and (_cycles.with_openimagedenoise or cycles.denoiser == "OPTIX")


def _border(render):
    return {edge: getattr(render, f"border_{edge}") for edge in ("min_x", "max_x", "min_y", "max_y")}
