"""Stress scenes about what light meets: smoke, hair, skin, displaced ground."""

import math

import bpy

from roof_materials import node
from stress_shared import (
    CREAM,
    METAL,
    OCHRE,
    TERRACOTTA,
    add,
    backdrop,
    camera,
    lamp,
    material,
    monkey,
    mosaic,
    shaded,
    stage,
    world,
)


def volume():
    """Smoke of noise that scatters forward, absorbs and glows: the ray marcher and multiple scattering."""
    cycles = stage(adaptive=False).cycles
    cycles.max_bounces, cycles.volume_bounces, cycles.volume_step_rate = 6, 2, 4.0
    backdrop(material("Mosaic", mosaic(), 0.5))
    smoke, shader = _filled("Smoke", {"Color": (0.9, 0.85, 0.8, 1), "Anisotropy": 0.45})
    place = node(smoke.node_tree, "TexCoord").outputs["Object"]
    noise = node(smoke.node_tree, "TexNoise", {"Vector": place, "Scale": 2.2, "Detail": 1.0}).outputs["Fac"]
    puffs = {"Value": noise, "From Min": 0.45, "From Max": 0.75, "To Max": 2.4}
    density = node(smoke.node_tree, "MapRange", puffs).outputs["Result"]
    smoke.node_tree.links.new(density, shader.inputs["Density"])
    smoke.node_tree.links.new(density, shader.inputs["Emission Strength"])
    shader.inputs["Emission Color"].default_value = (0.09, 0.03, 0.01, 1)
    add("cube", "Smoke", smoke, (0, 0.2, 1.5), size=(3.4, 1.6, 1.5))
    dye = {"Color": (0.1, 0.5, 0.6, 1), "Density": 5.0, "Absorption Color": (0.1, 0.4, 0.5, 1)}
    ink, _ = _filled("Ink", dye)
    brass = material("Brass", OCHRE, 0.2, METAL)
    for i in range(4):
        add("uv_sphere", "Ink", ink, (-2.6 + 1.7 * i, -2.0, 0.5), size=0.45)
        add("cone", "Spike", brass, (-2.3 + 1.5 * i, 0.2, 1), size=(0.3, 0.3, 1))
    clay = material("Replaced", TERRACOTTA, 0.5)
    monkey("Missing", clay, (0.1, -1.7, 0.9), 0.75)
    lamp("SPOT", (-3, -2, 5), 1500, toward=(0.5, 0.5, 1), colour=(1, 0.9, 0.7))
    lamp("POINT", (1.6, 0.3, 1.6), 120, colour=(1, 0.5, 0.2))
    camera()


def _filled(name, inputs):
    """A material with nothing but a volume inside."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes.remove(made.node_tree.nodes["Principled BSDF"])
    shader = node(made.node_tree, "VolumePrincipled", inputs)
    made.node_tree.links.new(shader.outputs[0], made.node_tree.nodes["Material Output"].inputs["Volume"])
    return made, shader


def fog():
    """A world full of thin fog in which coloured beams stand: equiangular sampling, no bounds to march to."""
    stage(adaptive=True)
    air = world(CREAM, 0.02)
    mist = node(air, "VolumeScatter", {"Density": 0.1, "Anisotropy": 0.3})
    air.links.new(mist.outputs[0], air.nodes["World Output"].inputs["Volume"])
    backdrop(material("Mosaic", mosaic(), 0.5))
    stone, bronze = material("Replaced", TERRACOTTA, 0.6), material("Bronze", OCHRE, 0.3, METAL)
    for i, x in enumerate((-3.0, -1.8, -0.6, 0.6, 1.8, 3.0)):
        name, at = "Missing" if i == 3 else "Column", (x, 0.4 - i % 2, 1.6)
        add("cylinder", name, stone, at, size=(0.24, 0.24, 1.6))
        colour = (OCHRE, (0.3, 0.6, 1.0), TERRACOTTA)[i % 3]
        beam = lamp("SPOT", (x * 1.2, 1.8, 4.2), 3500, toward=(x * 0.6, -2.5, 0), colour=colour)
        beam.data.spot_size = math.radians(24)
        add("torus", "Wreath", bronze, (x, -1.7, 0.3), size=0.4, turn=(0.5, 0.3 * i, 0))
    lamp("AREA", (0, -6, 5), 160, size=3)
    camera()


def hair():
    """Particle hair with children, two hair shaders, thick curves: thousands of strands to miss or hit."""
    scene = stage(adaptive=False)
    scene.cycles.max_bounces = 4
    scene.cycles_curves.shape = "THICK"
    backdrop(material("Mosaic", mosaic(), 0.7))
    fair, _ = shaded("Replaced", "BsdfHairPrincipled", {"Color": (0.55, 0.26, 0.08, 1), "Roughness": 0.3})
    dark, _ = shaded("Dark", "BsdfHair", {"Color": (0.12, 0.45, 0.45, 1), "RoughnessU": 0.2})
    for i, (x, y) in enumerate(((-2.3, 0.2), (0.1, -0.6), (2.4, 0.4))):
        _fur(monkey("Missing" if i == 1 else "Beast", (fair, dark)[i % 2], (x, y, 1.5), 0.9), 500, 0.16)
    for x in (-2.2, -0.9, 0.9, 2.2):
        _fur(add("uv_sphere", "Puff", (dark, fair)[x > 0], (x, -2.0, 0.35), size=0.35), 200, 0.12)
    grass = material("Grass", (0.16, 0.26, 0.05), 0.5)
    _fur(add("grid", "Meadow", grass, (0, -1.2, 0.01), size=(4, 2, 1)), 1200, 0.2)
    lamp("AREA", (-3, -4, 5), 500, size=2)
    lamp("AREA", (4, 2.5, 3.5), 200, size=1, colour=(1, 0.8, 0.6))
    camera()


def _fur(thing, count, length):
    thing.modifiers.new("Fur", "PARTICLE_SYSTEM")
    hair = thing.particle_systems[-1].settings
    hair.type, hair.count, hair.hair_length, hair.hair_step = "HAIR", count, length, 3
    hair.child_type, hair.rendered_child_count, hair.clump_factor = "INTERPOLATED", 4, 0.5
    hair.brownian_factor, hair.roughness_2, hair.root_radius, hair.radius_scale = 0.03, 0.05, 1.0, 0.012


def subsurface():
    """Random walks under skin, wax and jade with light from behind, and one of the older approximation."""
    stage(adaptive=True)
    backdrop(material("Mosaic", mosaic(), 0.5))
    skin = _soft("Replaced", (0.8, 0.42, 0.3), (0.35, 0.12, 0.06))
    wax = _soft("Wax", (0.9, 0.75, 0.4), (0.3, 0.2, 0.08))
    jade = _soft("Jade", (0.2, 0.6, 0.3), (0.1, 0.3, 0.12))
    jade.node_tree.nodes["Principled BSDF"].subsurface_method = "BURLEY"
    for i, x in enumerate((-2.5, 0.0, 2.5)):
        monkey("Missing" if i == 1 else "Head", (wax, skin, jade)[i], (x, -0.4, 1.25), 0.95, 0.3 * (1 - i))
    for i in range(7):
        x, candle, ring = -3.3 + 1.1 * i, (skin, jade, wax)[i % 3], (wax, skin, jade)[i % 3]
        add("cylinder", "Candle", candle, (x, -1.9 + 0.4 * (i % 2), 0.25), size=(0.2, 0.2, 0.25))
        add("torus", "Ring", ring, (x, 1.8, 1 + i % 2), size=0.5, turn=(1.2, 0, i), minor_radius=0.35)
    lamp("AREA", (0, 2.7, 4), 420, toward=(0, 0, 1), size=2, colour=(1, 0.85, 0.7))
    lamp("AREA", (-4, -4, 4), 250, size=1.5)
    lamp("POINT", (0.0, 0.6, 1.2), 60, colour=(1, 0.6, 0.3))
    camera()


def _soft(name, colour, radius):
    inputs = {"Subsurface Weight": 1.0, "Subsurface Radius": radius, "Subsurface Scale": 1.0}
    return material(name, colour, 0.35, inputs)


def displacement():
    """True displacement of subdivided meshes: vertices moved by textures before a ray is shot."""
    stage(adaptive=False)
    earth = _risen("Earth", mosaic(), 0.35, 1.3)
    _grown(add("plane", "Ground", earth, (0, -1.2, 0), size=(5, 4.2, 1)), 7)
    cliff = _risen("Replaced", TERRACOTTA, 0.5, 1.6)
    _grown(add("plane", "Cliff", cliff, (0, 2.6, 2), size=(5, 3, 1), turn=(math.pi / 2, 0, 0)), 7)
    coral = _risen("Coral", (0.75, 0.28, 0.2), 0.3, 3.5)
    for i, (x, y) in enumerate(((-2.5, -0.2), (-1.1, -1.5), (0.2, 0.1), (1.5, -1.3), (2.6, 0.3))):
        name = "Missing" if i == 2 else "Coral"
        _grown(add("ico_sphere", name, coral, (x, y, 1), size=0.65, subdivisions=3), 2)
    lamp("SUN", (4, -3, 4), 4, size=0.02, colour=(1, 0.9, 0.75))
    camera()


def _risen(name, colour, height, scale):
    """A material that moves its surface by noise and cells, with the fine part as bump."""
    made = material(name, colour, 0.7)
    made.displacement_method = "BOTH"
    tree = made.node_tree
    place = node(tree, "TexCoord").outputs["Object"]
    scaled = node(tree, "Mapping", {"Vector": place, "Scale": (scale,) * 3}).outputs["Vector"]
    cells = node(tree, "TexVoronoi", {"Vector": scaled, "Scale": 2.0}).outputs["Distance"]
    grain = node(tree, "TexNoise", {"Vector": scaled, "Scale": 3.0, "Detail": 4.0}).outputs["Fac"]
    both = node(tree, "Math", operation="ADD").inputs
    tree.links.new(cells, both[0])
    tree.links.new(grain, both[1])
    risen = node(tree, "Displacement", {"Height": both[0].node.outputs[0], "Midlevel": 1.0, "Scale": height})
    tree.links.new(risen.outputs[0], tree.nodes["Material Output"].inputs["Displacement"])
    return made


def _grown(thing, levels):
    finer = thing.modifiers.new("Finer", "SUBSURF")
    finer.subdivision_type, finer.levels, finer.render_levels = "SIMPLE", 1, levels


SCENES = (volume, fog, hair, subsurface, displacement)
