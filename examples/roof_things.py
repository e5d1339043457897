"""What stands on the roof and around it: houseleeks, a lantern, the hills behind."""

import itertools
import math
import random

import bpy
from mathutils import Euler, Matrix, Vector

import roof_shapes as shapes
from roof_shapes import mesh_of

PITCH = math.radians(24)
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
CHANCE = random.Random(753)  # noqa: S311  (no secrets here)


def on_roof(across, up, above=0.0):
    """A point by metres across and up the slope, and above its surface."""
    return Vector(
        (
            across,
            up * math.cos(PITCH) - above * math.sin(PITCH),
            up * math.sin(PITCH) + above * math.cos(PITCH),
        )
    )


def add(name, mesh, material, matrix=None):
    thing = bpy.data.objects.new(name, mesh)
    if not mesh.materials:
        mesh.materials.append(bpy.data.materials[material])
    thing.matrix_world = matrix or Matrix()
    bpy.context.collection.objects.link(thing)
    return thing


def houseleeks():
    """Rosettes by the golden angle, each with smaller ones about it, in the channels of the roof."""
    mesh = mesh_of(shapes.leaf, smooth=70)
    clumps = (
        (0.0, 2.66, 0.15),
        (0.42, 2.42, 0.085),
        (-0.84, 3.2, 0.12),
        (-2.1, 3.6, 0.12),
        (0.84, 2.95, 0.06),
    )
    for across, up, size in clumps:
        rosette(mesh, on_roof(across, up, 0.065), size)
        for _ in range(7):
            angle, away = CHANCE.uniform(0, 2 * math.pi), size * CHANCE.uniform(1.05, 1.5)
            side = max(-0.14, min(0.14, math.cos(angle) * away))
            rosette(
                mesh,
                on_roof(across + side, up + math.sin(angle) * away * 1.2, 0.055),
                size * CHANCE.uniform(0.28, 0.5),
            )


def rosette(mesh, place, size):
    count = 44
    tilt = Euler((PITCH * 0.7 + CHANCE.uniform(-0.2, 0.2), CHANCE.uniform(-0.2, 0.2), CHANCE.uniform(0, 6)))
    for i in range(count):
        t = i / count
        up = math.radians(84 - 76 * t**0.75)
        spin = Euler((up, 0, i * GOLDEN_ANGLE), "XYZ")
        grown = size * (0.42 + 0.62 * t**0.8)
        matrix = Matrix.Translation(place) @ tilt.to_matrix().to_4x4() @ spin.to_matrix().to_4x4()
        add("Leaf", mesh, "Houseleek", matrix @ Matrix.Scale(grown, 4))


def lantern(base):
    """Black iron and four panes on a slab of stone, with a candle that burns."""
    place = Matrix.Translation(base) @ Matrix.Rotation(math.radians(24), 4, "Z")
    for build, material in (
        (shapes.slab, "Stone"),
        (shapes.frame, "Iron"),
        (shapes.panes, "Glass"),
        (shapes.candle, "Wax"),
        (shapes.flame, "Flame"),
    ):
        add(build.__name__.title(), mesh_of(build), material, place)
    bpy.ops.mesh.primitive_torus_add(major_radius=0.05, minor_radius=0.007)
    ring = bpy.context.object
    ring.data.materials.append(bpy.data.materials["Iron"])
    ring.matrix_world = place @ Matrix.Translation((0, 0, 0.585)) @ Matrix.Rotation(math.pi / 2, 4, "X")
    glow_light = bpy.data.lights.new("Candle", "POINT")
    glow_light.energy, glow_light.color, glow_light.shadow_soft_size = 9.0, (1.0, 0.55, 0.2), 0.02
    shining = bpy.data.objects.new("Candlelight", glow_light)
    bpy.context.collection.objects.link(shining)
    # What is seen, directly and through the panes, is the flame.
    shining.visible_camera = shining.visible_transmission = shining.visible_glossy = False
    shining.matrix_world = place @ Matrix.Translation((0, 0, 0.26))


def countryside():
    """Hills that fade into the haze, with cypresses along their crests."""
    tree = mesh_of(shapes.cypress, smooth=180)
    for far, height, phase in ((38, 3.4, 0.3), (75, 7.0, 2.1), (150, 15.5, 4.0)):

        def crest(x, far=far, height=height, phase=phase):
            waves = 0.30 * math.sin(x / far * 2.3 + phase) + 0.18 * math.sin(x / far * 5.1 + 2 * phase)
            return height * (0.52 + waves)

        def hill(form, far=far, crest=crest):
            lines = []
            for depth, share in ((-0.35, -0.6), (-0.12, 0.75), (0, 1), (0.2, 0.6)):
                xs = (far * (i / 24 - 2) for i in range(97))
                lines.append(
                    [form.verts.new((x, far * (1 + depth), crest(x) * share + far * 0.045)) for x in xs]
                )
            for low, high in itertools.pairwise(lines):
                for i in range(96):
                    form.faces.new((low[i], low[i + 1], high[i + 1], high[i]))

        add("Hill", mesh_of(hill, smooth=180), "Hill")
        for _ in range(34):
            x, tall = CHANCE.uniform(-1.2, 1.2) * far, CHANCE.uniform(1.6, 3.2)
            place = Matrix.Translation((x, far * 0.99, crest(x) + far * 0.043)) @ Matrix.Rotation(
                CHANCE.uniform(0, 6), 4, "Z"
            )
            add("Cypress", tree, "Cypress", place @ Matrix.Diagonal((tall * 0.34, tall * 0.34, tall, 1)))
