"""A small scene whose picture every worker knows: it tells a broken card, and how fast a good one is.

    python examples/build_known.py worker/tegula_worker/known/known.blend

A little of all that a card's kernels have to get right (instances, an image, a procedural texture, metal,
glass, soft shadows, a sky), with nothing that makes noise: no caustics, no small light. Whoever changes it
renders the answer anew: `pytest tests/worker/test_known.py` says how.
"""

import math
import sys
from pathlib import Path

import bpy

CHECKS = 8


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    ground()
    for index, (name, inputs) in enumerate(MATTERS.items()):
        ball(index, matter(name, inputs))
    light(scene)
    camera(scene)
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.use_denoising = cycles.use_adaptive_sampling = False
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.max_bounces = 2.0, 6
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(sys.argv[-1]).absolute()), compress=True)


MATTERS = {
    "Clay": {"Base Color": (0.6, 0.2, 0.1, 1), "Roughness": 0.9},
    "Metal": {"Base Color": (0.8, 0.7, 0.4, 1), "Metallic": 1.0, "Roughness": 0.35},
    "Glass": {"Transmission Weight": 1.0, "Roughness": 0.2, "IOR": 1.3},
}


def matter(name, inputs):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    for key, value in inputs.items():
        made.node_tree.nodes["Principled BSDF"].inputs[key].default_value = value
    return made


def ground():
    """Image and noise, multiplied."""
    bpy.ops.mesh.primitive_plane_add(size=14)
    made = matter("Ground", {"Roughness": 0.8})
    tree = made.node_tree
    image, noise, mix = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexImage", "TexNoise", "Mix"))
    image.image, image.interpolation = checks(), "Closest"
    noise.inputs["Scale"].default_value = 3.0
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    mix.inputs["Factor"].default_value = 0.5
    tree.links.new(image.outputs["Color"], mix.inputs["A"])
    tree.links.new(noise.outputs["Color"], mix.inputs["B"])
    tree.links.new(mix.outputs["Result"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    bpy.context.object.data.materials.append(made)


def checks():
    image = bpy.data.images.new("Checks", CHECKS, CHECKS)
    cells = [(x + y) % 2 for y in range(CHECKS) for x in range(CHECKS)]
    image.pixels = [value for cell in cells for value in (0.8, 0.8 - 0.6 * cell, 0.7 - 0.3 * cell, 1.0)]
    image.pack()
    return image


def ball(index, material):
    """One mesh for each matter, three times: instances."""
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.8, segments=24, ring_count=12)
    first = bpy.context.object
    first.data.materials.append(material)
    bpy.ops.object.shade_smooth()
    for number in range(3):
        each = first if number == 0 else first.copy()
        if number:
            bpy.context.scene.collection.objects.link(each)
        each.location = ((index - 1) * 2.0 + 0.4 * number, number * 2.0 - 1.5, 0.8 + 0.3 * number)


def light(scene):
    bpy.ops.object.light_add(type="AREA", location=(3, -3, 6), rotation=(0.5, 0.4, 0))
    bpy.context.object.data.energy, bpy.context.object.data.size = 400, 4
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.25, 0.3, 0.4)


def camera(scene):
    bpy.ops.object.camera_add(location=(0, -9, 5), rotation=(math.radians(62), 0, 0))
    scene.camera = bpy.context.object


main()
