"""A Roman roof at golden hour: tegulae and imbrices, houseleeks in the joints, a lantern on the ridge.

    python examples/build_roof.py roof.blend

Everything is made here by numbers, the maker's stamp on the tiles too, which is packed into the file as
an image. The scene is as an artist would leave it: adaptive sampling and denoising on, a glow from the
compositor. With Blender 4.5: 640 x 360, 64 samples.
"""

import math
import sys
from pathlib import Path

import bpy
from mathutils import Euler, Matrix, Vector

import roof_materials as materials
import roof_shapes as shapes
import roof_things as things
from roof_shapes import LENGTH, WIDTH, mesh_of
from roof_things import CHANCE, PITCH, add, on_roof

COLUMNS, ROWS = range(-13, 9), range(8)


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    materials.make()
    roof()
    ridge()
    things.houseleeks()
    things.lantern(on_roof(0.34, ROWS.stop * LENGTH) + Vector((0, 0.06, 0.225)))
    things.countryside()
    light(scene)
    camera(scene)
    settings(scene)
    glow(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(sys.argv[-1]).absolute()), compress=True)


def turn(amount):
    return CHANCE.uniform(-amount, amount)


def roof():
    flat, pipe = mesh_of(shapes.tegula), mesh_of(shapes.imbrex)
    for row in ROWS:
        for column in COLUMNS:
            lift = Euler((PITCH - 0.055 + turn(0.006), turn(0.008), turn(0.012))).to_matrix().to_4x4()
            place = on_roof(column * WIDTH + turn(0.006), row * LENGTH + turn(0.012), 0.03)
            add("Tegula", flat, "Terracotta", Matrix.Translation(place) @ lift)
            lift = Euler((PITCH - 0.035 + turn(0.012), turn(0.03), turn(0.025))).to_matrix().to_4x4()
            place = on_roof((column + 0.5) * WIDTH + turn(0.01), row * LENGTH - 0.02 + turn(0.02), 0.062)
            add("Imbrex", pipe, "Terracotta", Matrix.Translation(place) @ lift)


def ridge():
    """Larger half pipes along the top, and what lies behind it: a wall to keep the sky out of the joints."""
    pipe = mesh_of(lambda form: shapes.imbrex(form, 0.16, 0.9, 0.62, 0.022))
    top = on_roof(0, ROWS.stop * LENGTH - 0.04, 0.035)
    for i in range(-12, 9):
        lie = Euler((0.03 + CHANCE.uniform(-0.02, 0.02), 0, -math.pi / 2 + CHANCE.uniform(-0.03, 0.03)))
        place = Matrix.Translation((i * 0.54, top.y + 0.05, top.z - 0.015))
        add("Ridge", pipe, "Terracotta", place @ lie.to_matrix().to_4x4())
    add(
        "Eaves",
        mesh_of(lambda form: shapes.box(form, (20, 0.3, 0.3))),
        "Mortar",
        Matrix.Translation(top + Vector((0, 0.15, -0.26))),
    )
    boards = Matrix.Translation(on_roof(0, 2.0, -0.06)) @ Matrix.Rotation(PITCH, 4, "X")
    add("Boards", mesh_of(lambda form: shapes.box(form, (20, 3.9, 0.05))), "Mortar", boards)


def light(scene):
    world = scene.world = bpy.data.worlds.new("Evening")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    sky = nodes.new("ShaderNodeTexSky")
    sky.sky_type = "NISHITA"
    sky.sun_disc = False
    sky.sun_elevation, sky.sun_rotation = math.radians(5), math.radians(-62)
    sky.air_density, sky.dust_density, sky.ozone_density = 1.4, 4.0, 2.0
    links.new(sky.outputs["Color"], nodes["Background"].inputs["Color"])
    nodes["Background"].inputs["Strength"].default_value = 0.32
    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.color, sun.angle = 7.0, (1.0, 0.58, 0.26), math.radians(1.2)
    shining = bpy.data.objects.new("Sun", sun)
    shining.rotation_euler = (math.radians(77), 0, math.radians(-88))
    bpy.context.collection.objects.link(shining)


def camera(scene):
    lens = bpy.data.cameras.new("Camera")
    scene.camera = bpy.data.objects.new("Camera", lens)
    bpy.context.collection.objects.link(scene.camera)
    eye = on_roof(1.0, 0.92, 1.26)
    target = on_roof(-0.12, 3.55, 0.235)
    scene.camera.location = eye
    scene.camera.rotation_euler = (target - eye).to_track_quat("-Z", "Y").to_euler()
    lens.lens = 40
    lens.dof.use_dof, lens.dof.aperture_fstop = True, 5.6
    lens.dof.focus_distance = (on_roof(0.15, 3.1) - eye).length


def settings(scene):
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.cycles.samples, scene.cycles.seed = 64, 24
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.01
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces, scene.cycles.transparent_max_bounces = 8, 12
    scene.cycles.sample_clamp_indirect = 6
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.exposure = 0.25
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.render.image_settings.color_mode = "RGB"
    scene.frame_start = scene.frame_end = 1


def glow(scene):
    """A soft bloom about the flame and the bright sky."""
    scene.use_nodes = True
    tree = scene.node_tree
    glare = tree.nodes.new("CompositorNodeGlare")
    glare.glare_type, glare.quality = "BLOOM", "HIGH"
    glare.inputs["Threshold"].default_value = 1.2
    glare.inputs["Strength"].default_value = 0.35
    glare.inputs["Size"].default_value = 0.6
    layers, out = tree.nodes["Render Layers"], tree.nodes["Composite"]
    tree.links.new(layers.outputs["Image"], glare.inputs["Image"])
    tree.links.new(glare.outputs["Image"], out.inputs["Image"])


main()
