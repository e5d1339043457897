"""What cheats change in a scene, each saved as a .blend of its own. A script, since it imports bpy:

    python edits.py SCENE.blend FOLDER

Edits that the scene gives no occasion for (no image "Texture", nothing that moves) are left out.
"""

import os
import sys
from pathlib import Path

import bpy


def denoised():
    """So that the passes which the denoiser wants are rendered, too."""
    bpy.context.scene.cycles.use_denoising = True
    for layer in bpy.context.scene.view_layers:
        layer.cycles.use_denoising = True
    return True


def bounces_4():
    cycles = bpy.context.scene.cycles
    had, cycles.max_bounces = cycles.max_bounces, min(cycles.max_bounces, 4)
    return had > 4


def bounce_less():
    cycles = bpy.context.scene.cycles
    had, cycles.max_bounces = cycles.max_bounces, max(cycles.max_bounces - 1, 0)
    return had > 0


def clamped():
    bpy.context.scene.cycles.sample_clamp_indirect = 1
    return True


def missing():
    found = bpy.data.objects.get("Missing")
    if found:
        found.hide_render = True
    return found


def texture():
    """One colour instead, the image's mean."""
    image = bpy.data.images.get("Texture")
    if image:
        pixels = image.pixels[:]
        plain = bpy.data.images.new("Plain", 8, 8)
        plain.generated_color = [sum(pixels[i::4]) * 4 / len(pixels) for i in range(4)]
        plain.colorspace_settings.name = image.colorspace_settings.name
        image.user_remap(plain)
    return image


def replaced():
    """Plain and diffuse, of about the colour that it had."""
    material = bpy.data.materials.get("Replaced")
    if material:
        nodes, links = material.node_tree.nodes, material.node_tree.links
        principled = nodes.get("Principled BSDF")
        colour = principled.inputs["Base Color"].default_value[:] if principled else (0.5, 0.5, 0.5, 1)
        nodes.clear()
        shader, output = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeOutputMaterial")
        shader.inputs["Color"].default_value = colour
        links.new(shader.outputs[0], output.inputs["Surface"])
    return material


def animated():
    """Nothing to change: a frame later is rendered."""
    return len(bpy.data.actions)


EDITS = (denoised, bounces_4, bounce_less, clamped, missing, texture, replaced, animated)


def main():
    blend, folder = sys.argv[1], Path(sys.argv[2]).absolute()
    for edit in EDITS:
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
        if edit():
            path = folder / f"{edit.__name__}.blend"
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, relative_remap=True, compress=True)


if __name__ == "__main__":
    main()
    (Path(sys.argv[2]) / "done").touch()
    os._exit(0)  # the end of a process with bpy in it can crash or hang, after all is written
