"""Stress scenes about the paths that light takes."""

import colorsys
import math
import random

import bpy

from roof_materials import node
from stress_shared import (
    CREAM,
    GLASS,
    METAL,
    OCHRE,
    TEAL,
    TERRACOTTA,
    add,
    backdrop,
    camera,
    inside,
    lamp,
    material,
    monkey,
    mosaic,
    room,
    shaded,
    stage,
    world,
)


def caustics():
    """Caustics of glass and of curved mirrors from a small lamp, 24 bounces, nothing clamped or filtered."""
    cycles = stage(adaptive=False).cycles
    cycles.caustics_reflective = cycles.caustics_refractive = True
    cycles.max_bounces = cycles.glossy_bounces = cycles.transmission_bounces = 24
    cycles.blur_glossy = cycles.sample_clamp_indirect = 0
    backdrop(material("Mosaic", mosaic(), 0.6))
    glass, tinted = material("Glass", CREAM, 0, GLASS), material("Tinted", (0.35, 0.85, 0.8), 0.05, GLASS)
    brass = material("Replaced", OCHRE, 0.08, METAL)
    add("uv_sphere", "Missing", glass, (-0.4, -0.6, 0.95), size=0.95)
    for i, (x, y) in enumerate(((-3.1, 1.2), (-2.0, -1.9), (1.0, -2.2), (2.9, -1.0), (2.2, 1.6))):
        add("torus", "Ring", brass, (x, y, 0.3), size=0.75, turn=(0.5 * i, 0.4, 0), minor_radius=0.3)
        add("uv_sphere", "Drop", tinted, (x, y, 1.2 + 0.35 * (i % 3)), size=0.42)
    add("cylinder", "Hoop", brass, (1.7, -0.2, 0.4), size=(0.8, 0.8, 0.4), end_fill_type="NOTHING")
    add("cube", "Prism", glass, (-2.2, 0.4, 1.4), size=(0.25, 0.25, 1.4), turn=(0, 0, 0.6))
    lamp("POINT", (-1.5, -3.5, 5), 2600, size=0.08)
    camera()


def shadow_caustics():
    """Refractive shadow caustics (manifold next-event estimation), where a solver iterates on every path."""
    stage(adaptive=True)
    world(CREAM, 0.25)
    backdrop(material("Mosaic", mosaic(), 0.7))
    for name in ("Floor", "Wall"):
        bpy.data.objects[name].cycles.is_caustics_receiver = True
    water = material("Replaced", (0.7, 0.95, 0.9), 0, GLASS)
    ruby = material("Ruby", (0.9, 0.3, 0.25), 0, GLASS)
    for i in range(11):
        x, y = -3.4 + 0.68 * i, (-1.9, 0.3, 1.9)[i % 3]
        made_of = ruby if i % 2 else water
        add("uv_sphere", "Lens", made_of, (x, y, 0.6 + 0.35 * (i % 4)), size=(0.55, 0.55, 0.4), segments=48)
        bpy.context.object.cycles.is_caustics_caster = True
    add("torus", "Missing", water, (0.4, -1.2, 0.7), size=0.6, turn=(0.5, 0.3, 0), minor_radius=0.4)
    bpy.context.object.cycles.is_caustics_caster = True
    lamp("POINT", (1.0, -2.5, 6), 2400, size=0.03).data.cycles.is_caustics_light = True
    camera()


def portals():
    """A room that only a window lights: sky through a light portal, and the sun past it."""
    stage(adaptive=True).view_settings.exposure = 1.3
    world((0.45, 0.65, 1.0), 4)
    room(material("Plaster", (0.85, 0.78, 0.68), 0.9), material("Mosaic", mosaic(), 0.35), window=True)
    lamp("SUN", (-8, -1, 6), 7, toward=(0.5, 1.2, 0), size=0.02, colour=(1, 0.8, 0.55))
    portal = lamp("AREA", (-3.25, 1.5, 1.6), 1, toward=(0, 1.5, 1.6), size=3)
    portal.data.shape, portal.data.size_y, portal.data.cycles.is_portal = "RECTANGLE", 1.8, True
    wood = material("Replaced", TERRACOTTA, 0.4)
    add("cube", "Table", wood, (0.5, 1.6, 0.75), size=(1.1, 0.6, 0.06))
    add("torus", "Missing", wood, (1.0, -0.9, 0.7), size=0.5, turn=(1.3, 0.3, 0), minor_radius=0.4)
    for x in (-0.4, 1.4):
        add("cube", "Trestle", wood, (x, 1.6, 0.35), size=(0.06, 0.5, 0.35))
    for i, x in enumerate((-0.2, 0.35, 0.9, 1.35)):
        glaze = material("Glaze", (TEAL, OCHRE)[i % 2], 0.1)
        add("cone", "Vase", glaze, (x, 1.6, 1.06), size=(0.17, 0.17, 0.25))
    monkey("Bust", material("Marble", CREAM, 0.3), (-1.7, 2.6, 0.75), 0.7, 0.2)
    leaf, stone = material("Leaf", (0.1, 0.3, 0.06), 0.8), material("Stone", (0.5, 0.45, 0.38), 0.8)
    for y in (0.6, 1.3, 2.1):
        add("cube", "Mullion", wood, (-3.1, y, 1.6), size=(0.05, 0.05, 0.9))
        add("ico_sphere", "Tree", leaf, (-6.5, 2 * y + 1, 1.2), size=1.3)
    for y in (-0.6, 1.2, 3.0):
        add("cylinder", "Pillar", stone, (2.5, y, 1.5), size=(0.22, 0.22, 1.5))
        add("cube", "Beam", wood, (0, y, 2.88), size=(3, 0.12, 0.12))
    inside()


def many_lights():
    """A hundred coloured lamps of different strength, among which the light tree picks."""
    cycles = stage(adaptive=False).cycles
    cycles.use_light_tree, cycles.max_bounces = True, 2
    world(CREAM, 0)
    tiles = material("Mosaic", mosaic(), 0.4)
    room(tiles, tiles)
    chance = random.Random(7)  # noqa: S311  (no secrets here)
    for i in range(100):
        at = (-2.75 + 0.61 * (i % 10), -2.0 + 0.62 * (i // 10), chance.uniform(1.5, 2.85))
        colour = colorsys.hsv_to_rgb(chance.random(), 0.8, 1)
        bulb = lamp("POINT", at, chance.uniform(0.4, 5), size=0.03, colour=colour)
        bulb.data.cycles.use_multiple_importance_sampling = i % 2 == 0
    satin = material("Replaced", CREAM, 0.3, METAL)
    for i in range(18):
        at = (-2.5 + i % 6, -0.6 + 1.6 * (i // 6), 0.4)
        add("ico_sphere", "Stone", satin, at, size=0.38, subdivisions=1 + i % 4)
    monkey("Missing", material("Clay", TERRACOTTA, 0.4), (0.2, -1.2, 1.2), 0.7)
    inside()


def emissive_texture():
    """Mesh lights that an image makes bright and dark: sampled over triangles, shaded at every hit."""
    stage(adaptive=True)
    world(CREAM, 0.02)
    room(material("Plaster", CREAM, 0.7), material("Replaced", (0.35, 0.3, 0.25), 0.15))
    screen, shader = shaded("Screen", "Emission", {"Strength": 5})
    light = node(screen.node_tree, "TexImage", image=mosaic()).outputs["Color"]
    screen.node_tree.links.new(light, shader.inputs["Color"])
    for i, x in enumerate((-2.25, -0.75, 0.75, 2.25)):
        add("plane", "Panel", screen, (x, 3.9, 1.7), size=(0.66, 1.1, 1), turn=(math.pi / 2, 0, 0))
        add("plane", "Side", screen, (2.9, -1.2 + 1.5 * i, 1.6), size=0.5, turn=(0, -math.pi / 2, 0))
        add("plane", "Sky", screen, (x, 1, 2.95), size=(0.5, 1.4, 1), turn=(math.pi, 0, 0))
    add("grid", "Missing", screen, (-2.6, 1.2, 1.4), size=(1.1, 1.6, 1), turn=(0, math.pi / 2, 0))
    chrome, clay = material("Chrome", CREAM, 0.05, METAL), material("Clay", TERRACOTTA, 0.6)
    for i in range(8):
        add("uv_sphere", "Ball", (chrome, clay)[i % 2], (-1.9 + 0.55 * i, 0.4 + 1.2 * (i % 3), 0.4), size=0.4)
    inside()


def deep_bounces():
    """Lamps on shelves that shine upwards: what is below sees no light but by way of walls and mirrors."""
    cycles = stage(adaptive=False).cycles
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = 16
    cycles.sample_clamp_indirect = 0
    world(CREAM, 0)
    white = material("Plaster", (0.9, 0.88, 0.84), 0.9)
    tiles = material("Mosaic", mosaic(), 0.4)
    room(white, tiles)
    for y in (-1.5, 1.8):
        add("cube", "Canopy", tiles, (0, y, 2.3), size=(1.4, 0.7, 0.05))
        lamp("AREA", (0, y, 2.37), 130, toward=(0, y, 3), size=1.0)
    mirror = material("Replaced", (0.92, 0.92, 0.9), 0.0, METAL)
    add("cube", "Missing", mirror, (2.95, 1.4, 1.5), size=(0.04, 1.9, 1.1))
    add("cube", "Mirror", mirror, (0.4, 3.95, 1.6), size=(1.5, 0.04, 1.0))
    add("cube", "Mirror", mirror, (-2.95, -1.7, 1.5), size=(0.04, 1.6, 1.1))
    for i, x in enumerate((-2.0, -1.0, 0.2, 1.2, 2.2)):
        made_of = mirror if i % 2 else material("Clay", (TERRACOTTA, TEAL, OCHRE)[i // 2], 0.5)
        add("uv_sphere", "Ball", made_of, (x, 1.0 + 0.9 * (i % 3), 0.5), size=0.5)
    inside()


SCENES = (caustics, shadow_caustics, portals, many_lights, emissive_texture, deep_bounces)
