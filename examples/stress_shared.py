"""What the stress scenes share: the settings, a backdrop, a room, things, lamps, a camera, a mosaic.

In every scene an object that shows is called "Missing", a material that shows "Replaced", and where there
is an image it is "Texture": what a dishonest render would leave out or change.
"""

import math

import bpy
import numpy as np
from mathutils import Vector

from roof_materials import node

OCHRE, TERRACOTTA = (0.80, 0.50, 0.14), (0.58, 0.15, 0.06)
TEAL, CREAM = (0.05, 0.30, 0.32), (0.85, 0.78, 0.64)
GLASS = {"Transmission Weight": 1.0, "IOR": 1.45}
METAL = {"Metallic": 1.0}


def stage(*, adaptive):
    """An empty scene with everybody's settings; adaptive sampling is what half of them differ in."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    scene.frame_start = scene.frame_end = 1
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed, cycles.use_denoising = "CPU", 32, 7, False
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = adaptive, 0.05
    # Left to itself, Cycles first looks at this threshold after 40 samples (16 / 0.05^0.3): never.
    cycles.adaptive_min_samples = 8
    world(CREAM, 0.4)
    return scene


def world(colour, strength):
    """One colour all around; the nodes, for those who want more."""
    sky = bpy.data.worlds.get("World") or bpy.data.worlds.new("World")
    bpy.context.scene.world, sky.use_nodes = sky, True
    sky.node_tree.nodes["Background"].inputs["Color"].default_value = (*colour, 1)
    sky.node_tree.nodes["Background"].inputs["Strength"].default_value = strength
    return sky.node_tree


def material(name, colour=CREAM, rough=0.5, inputs=None):
    """A Principled material; its colour may be an image, which repeats every 2 m from all six sides."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = rough
    if isinstance(colour, bpy.types.Image):
        made.node_tree.links.new(_laid_out(made.node_tree, colour), shader.inputs["Base Color"])
    else:
        shader.inputs["Base Color"].default_value = (*colour, 1)
    for socket, value in (inputs or {}).items():
        shader.inputs[socket].default_value = value
    return made


def _laid_out(tree, image):
    place = node(tree, "NewGeometry").outputs["Position"]
    scaled = node(tree, "Mapping", {"Vector": place, "Scale": (0.5, 0.5, 0.5)}).outputs["Vector"]
    return node(tree, "TexImage", {"Vector": scaled}, image=image, projection="BOX").outputs["Color"]


def shaded(name, kind, inputs):
    """A material of one shader node, and that node."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    tree.nodes.remove(tree.nodes["Principled BSDF"])
    shader = node(tree, kind, inputs)
    tree.links.new(shader.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    return made, shader


def mosaic():
    """Lozenges of small stones with dark joints: 256 x 256, packed."""
    chance = np.random.default_rng(7)
    y, x = np.abs(np.mgrid[:32, :32] % 16 - 7.5)
    palette = np.array([CREAM, TERRACOTTA, OCHRE, TEAL])
    stones = palette[(x + y).astype(int) // 2 % 4] * chance.uniform(0.7, 1.1, (32, 32, 1))
    pixels = np.kron(stones, np.ones((8, 8, 1)))
    pixels[::8], pixels[:, ::8] = 0.08, 0.08
    return picture(np.dstack([pixels, np.ones((256, 256))]))


def picture(pixels):
    """The image "Texture" of float[h, w, 4], in the .blend itself."""
    image = bpy.data.images.new("Texture", pixels.shape[1], pixels.shape[0], alpha=True)
    image.pixels.foreach_set(np.clip(pixels, 0, 1).astype(np.float32).ravel())
    image.pack()
    return image


def add(kind, name, made_of, at, *, size=1.0, turn=(0, 0, 0), **options):
    """One of Blender's own meshes (its operator's name and options), smooth where it is round."""
    getattr(bpy.ops.mesh, f"primitive_{kind}_add")(location=at, rotation=turn, **options)
    thing = bpy.context.object
    thing.name, thing.scale = name, (size,) * 3 if isinstance(size, float | int) else size
    thing.data.materials.append(made_of)
    thing.data.shade_smooth()
    thing.data.set_sharp_from_angle(angle=math.radians(40))
    return thing


def monkey(name, made_of, at, size=0.6, spin=0.0):
    thing = add("monkey", name, made_of, at, size=size, turn=(-0.3, 0, spin))
    thing.modifiers.new("Smooth", "SUBSURF").render_levels = 2
    return thing


def backdrop(made_of):
    """A floor and a wall that fill the picture of `camera()`."""
    add("plane", "Floor", made_of, (0, -2, 0), size=8)
    add("cube", "Wall", made_of, (0, 3.1, 5), size=(8, 0.1, 8))


def room(walls, floor, *, window=False):
    """Six metres by eight and three high, closed; `window` is 3 m by 1.8 m in the wall to the left."""
    add("cube", "Floor", floor, (0, 0, -0.1), size=(3.2, 4.2, 0.1))
    add("cube", "Ceiling", walls, (0, 0, 3.1), size=(3.2, 4.2, 0.1))
    add("cube", "Back", walls, (0, 4.1, 1.5), size=(3.2, 0.1, 1.6))
    add("cube", "Front", walls, (0, -4.1, 1.5), size=(3.2, 0.1, 1.6))
    add("cube", "Right", walls, (3.1, 0, 1.5), size=(0.1, 4.2, 1.6))
    if not window:
        add("cube", "Left", walls, (-3.1, 0, 1.5), size=(0.1, 4.2, 1.6))
        return
    for y, z, deep, high in (
        (0, 0.35, 4.2, 0.35),
        (0, 2.75, 4.2, 0.25),
        (-2.1, 1.6, 2.1, 0.9),
        (3.6, 1.6, 0.6, 0.9),
    ):
        add("cube", "Left", walls, (-3.1, y, z), size=(0.1, deep, high))


def lamp(kind, at, energy, *, toward=(0, 0, 0.5), size=0.1, colour=(1, 1, 1)):
    """A light; its size is a radius, an edge, or the sun's angle."""
    light = bpy.data.lights.new("Lamp", kind)
    light.energy, light.color = energy, colour
    setattr(light, {"SUN": "angle", "AREA": "size"}.get(kind, "shadow_soft_size"), size)
    shining = bpy.data.objects.new("Lamp", light)
    shining.location = at
    shining.rotation_euler = (Vector(toward) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(shining)
    return shining


def camera(eye=(0, -7, 2.6), target=(0, 0, 0.9), lens=42):
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.camera.data.lens, scene.camera.location = lens, eye
    scene.camera.rotation_euler = (Vector(target) - Vector(eye)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(scene.camera)
    return scene.camera


def inside():
    """The camera of `room`: it sees floor, ceiling and three walls."""
    return camera((0.6, -3.8, 1.55), (-0.15, 3, 1.35), lens=22)


def key(owner, path, *values):
    """The same property at frame 0, 1, 2…, one value each."""
    for frame, value in enumerate(values):
        setattr(owner, path, value)
        owner.keyframe_insert(path, frame=frame)
