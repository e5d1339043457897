"""Stress scenes about what is recorded: alpha, holdouts, shadows alone, passes and view layers."""

import math
import random

import bpy
import numpy as np

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
    key,
    lamp,
    material,
    monkey,
    mosaic,
    picture,
    shaded,
    stage,
)


def transparency():
    """Leaves cut out by an image's alpha behind tinted panes, before a veil, on a transparent film."""
    scene = stage(adaptive=False)
    scene.render.film_transparent, scene.cycles.transparent_max_bounces = True, 32
    leaf = _cut_out("Replaced", picture(_leaf()))
    chance = random.Random(7)  # noqa: S311  (no secrets here)
    for _ in range(180):
        at = (chance.uniform(-3.6, 3.6), chance.uniform(-1.5, 3), chance.uniform(-1.0, 3.4))
        turn = (chance.uniform(0.9, 2.2), chance.uniform(0, 6.3), chance.uniform(-0.5, 0.5))
        add("plane", "Leaf", leaf, at, size=0.55, turn=turn)
    for i in range(8):
        tint = (OCHRE, (0.5, 0.8, 0.85), CREAM)[i % 3]
        pane, _ = shaded("Pane", "BsdfTransparent", {"Color": (*tint, 1)})
        at, turn = (-2.8 + 0.8 * i, -2.4 - 0.1 * i, 1), (1.5, 0.2 * i, 0.1)
        add("plane", "Pane", pane, at, size=(0.7, 1.1, 1), turn=turn)
    veil = material("Veil", TEAL, 0.8, {"Alpha": 0.55})
    add("plane", "Veil", veil, (0, 3.2, 1), size=(7, 5, 1), turn=(math.pi / 2, 0, 0))
    monkey("Missing", material("Ghost", TERRACOTTA, 0.4, {"Alpha": 0.6}), (0.2, -1.8, 1.0), 0.8)
    lamp("AREA", (-3, -5, 5), 700, size=1)
    camera()


def _leaf(size=128):
    """A green almond with veins; outside it alpha is 0, and at its edge between."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    inside = np.clip((0.55 * np.cos(y * np.pi / 2) - np.abs(x)) * 14, 0, 1)
    veins = np.abs(np.sin((y * 1.5 + np.abs(x)) * 9)) < 0.25
    shade = np.where(veins | (np.abs(x) < 0.03), 0.75, 0.4) + 0.1 * y
    return np.dstack([0.55 * shade + 0.2 * (y > 0), shade, 0.25 * shade, inside])


def _cut_out(name, image):
    made = material(name, CREAM, 0.5)
    shader = made.node_tree.nodes["Principled BSDF"]
    pixels = node(made.node_tree, "TexImage", image=image).outputs
    made.node_tree.links.new(pixels["Color"], shader.inputs["Base Color"])
    made.node_tree.links.new(pixels["Alpha"], shader.inputs["Alpha"])
    return made


def holdout():
    """Objects and shaders that cut holes into the film, wholly and by half, and are seen in mirrors."""
    scene = stage(adaptive=True)
    scene.render.film_transparent = True
    backdrop(material("Mosaic", mosaic(), 0.5))
    cut, mix = shaded("Cut", "MixShader", {"Fac": 0.5})
    for socket, kind in ((1, "Holdout"), (2, "BsdfDiffuse")):
        cut.node_tree.links.new(node(cut.node_tree, kind).outputs[0], mix.inputs[socket])
    paint, mirror = material("Replaced", TERRACOTTA, 0.3), material("Mirror", CREAM, 0.03, METAL)
    for i in range(10):
        at = (-3.3 + 0.75 * i, (-1.9, 0.1, 1.6)[i % 3], 0.5 + 0.5 * (i % 4))
        kind, made_of = ("torus", "uv_sphere")[i % 2], (paint, cut, mirror)[i % 3]
        thing = add(kind, "Thing", made_of, at, size=0.5, turn=(i, 0, 0))
        thing.is_holdout = i in {2, 7}
    monkey("Missing", paint, (-0.2, -1.6, 1.1), 0.75)
    lamp("AREA", (-3, -4, 5), 550, size=2)
    camera()


def shadow_catcher():
    """A floor that is only its shadows, on a transparent film, among things that it throws light on."""
    scene = stage(adaptive=True)
    scene.render.film_transparent = True
    add("plane", "Catcher", material("Ground", CREAM, 0.6), (0, 0, 0), size=12)
    bpy.context.object.is_shadow_catcher = True
    tiles, paint = material("Mosaic", mosaic(), 0.5), material("Replaced", TERRACOTTA, 0.3)
    glass, brass = material("Glass", CREAM, 0.02, GLASS), material("Brass", OCHRE, 0.2, METAL)
    for i in range(50):
        at = (-3.8 + 0.84 * (i % 10), -2.7 + 1.3 * (i // 10) + 0.4 * (i % 2), 0.4)
        made_of = (tiles, paint, brass, glass)[(i + i // 10) % 4]
        add(("cube", "torus", "cone", "uv_sphere")[i % 4], "Thing", made_of, at, size=0.34, turn=(0, 0, i))
    monkey("Missing", paint, (0.3, -0.6, 1.3), 0.8)
    lamp("SUN", (-4, -1.5, 2.2), 5, size=0.05, colour=(1, 0.85, 0.65))
    lamp("AREA", (3, 3, 4), 300, size=2, colour=(0.6, 0.8, 1))
    camera(eye=(0, -6, 5.5), target=(0, -0.1, 0.2))


def passes():
    """Two view layers with depth, normals, motion, Cryptomatte, AOVs and light groups beside the colour."""
    scene = stage(adaptive=True)
    tiles, paint = material("Mosaic", mosaic(), 0.4), material("Replaced", TERRACOTTA, 0.3)
    brass = material("Brass", OCHRE, 0.2, METAL)
    backdrop(tiles)
    for made_of in (tiles, paint, brass):
        _told(made_of)
    for i in range(12):
        at = (-3.3 + 0.6 * i, (-1.8, 0.0, 1.7)[i % 3], 0.5 + 0.4 * (i % 4))
        thing = add("torus", "Ring", (paint, brass)[i % 2], at, size=0.5, turn=(i, 0.5, 0), minor_radius=0.3)
        key(thing, "location", *((at[0] + 0.2 * t, *at[1:]) for t in (-1, 0, 1)))
    head = monkey("Missing", paint, (-0.1, -1.4, 1.0), 0.8)
    for group, at, energy in (("Key", (-3, -4, 5), 500), ("Fill", (4, -2, 3), 150)):
        lamp("AREA", at, energy, size=1.5).lightgroup = group
    camera()
    _recorded(scene.view_layers[0])
    second = scene.view_layers.new("Without")
    _recorded(second)
    _moved(head, "Things")
    second.layer_collection.children["Things"].exclude = True


def _told(made_of):
    """Send what a material knows of its place to the AOVs "Place" and "Facing"."""
    tree = made_of.node_tree
    place = node(tree, "NewGeometry").outputs["Position"]
    facing = node(tree, "LayerWeight").outputs["Facing"]
    node(tree, "OutputAOV", {"Color": place}, aov_name="Place")
    node(tree, "OutputAOV", {"Value": facing}, aov_name="Facing")


def _recorded(layer):
    wanted = (
        "z mist position normal vector uv object_index diffuse_direct diffuse_indirect glossy_direct emit"
    )
    for name in (*wanted.split(), "cryptomatte_object", "cryptomatte_material"):
        setattr(layer, f"use_pass_{name}", True)
    for name, kind in (("Place", "COLOR"), ("Facing", "VALUE")):
        aov = layer.aovs.add()
        aov.name, aov.type = name, kind
    for group in ("Key", "Fill"):
        layer.lightgroups.add(name=group)


def _moved(thing, name):
    """Put an object into a collection of its own."""
    collection = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(collection)
    bpy.context.scene.collection.objects.unlink(thing)
    collection.objects.link(thing)


SCENES = (transparency, holdout, shadow_catcher, passes)
