"""Opens each .blend named on the command line and renders it tiny: one line of JSON about each.

A script of its own, so that `import bpy` stays out of pytest's process.
"""

import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np


def main():
    for blend in sys.argv[1:]:
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
        scene = bpy.context.scene
        frames = range(scene.frame_start, scene.frame_end + 1)
        first, *others = [picture(scene, frame, Path(blend)) for frame in frames]
        seen = {"name": Path(blend).stem, **said(scene), "spread": spread(first)}
        seen["moved"] = [changed(first, other) for other in others]
        for cheat in (leave_out, replace, blacken):
            cheat()
            seen[cheat.__name__] = changed(first, picture(scene, scene.frame_start, Path(blend)))
            bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
            scene = bpy.context.scene
        print("\nseen " + json.dumps(seen), flush=True)
    os._exit(0)  # bpy's own end can crash or hang


def leave_out():
    bpy.data.objects["Missing"].hide_render = True


def replace():
    bpy.data.materials["Replaced"].user_remap(bpy.data.materials.new("Plain"))


def blacken():
    image = bpy.data.images["Texture"]
    image.pixels.foreach_set(np.tile(np.float32([0, 0, 0, 1]), image.size[0] * image.size[1]))
    image.pack()


def said(scene):
    cycles = scene.cycles
    return {
        "camera": scene.camera is not None,
        "engine": scene.render.engine,
        "size": [scene.render.resolution_x, scene.render.resolution_y],
        "samples": cycles.samples,
        "seed": cycles.seed,
        "adaptive": [cycles.use_adaptive_sampling, round(cycles.adaptive_threshold, 4)],
        "plain": not (cycles.use_denoising or cycles.use_guiding or cycles.shading_system),
        "device": cycles.device,
        "frames": [scene.frame_start, scene.frame_end],
        "layers": len(scene.view_layers),
        "unpacked": [
            image.name for image in bpy.data.images if image.source == "FILE" and not image.packed_file
        ],
    }


def changed(one, other):
    """The share of pixels that a glance would tell apart: by a quarter, or by 0.02 in the dark."""
    far = np.abs(one - other) > np.maximum(0.25 * np.abs(one), 0.02)
    return float(far.any(axis=2).mean())


def picture(scene, frame, blend):
    """float[h, w, 4] of a frame at 5 % of its size, linear."""
    scene.frame_set(frame)
    path = blend.with_suffix(".exr")
    scene.render.resolution_percentage, scene.render.filepath = 5, str(path)
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGBA"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)
    bpy.data.images.remove(image)
    return pixels


def spread(pixels):
    """The least of what the picture's nine parts vary by, against its mean: 0 where a part is flat."""
    thirds = [part for row in np.array_split(pixels, 3) for part in np.array_split(row, 3, axis=1)]
    return float(min(part[..., :3].std() for part in thirds) / pixels[..., :3].mean())


main()
