"""The materials of the roof, made of Blender's own noise, and one image that is drawn here and packed."""

import bpy
import numpy as np

STAMP = {
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "V": "10001 10001 10001 10001 10001 01010 00100",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "A": "00100 01010 10001 10001 11111 10001 10001",
}


def make():
    for build in (terracotta, mortar, stone, houseleek, iron, glass, wax, flame, hill, cypress):
        material = bpy.data.materials.new(build.__name__.title())
        material.use_nodes = True
        build(material.node_tree, material.node_tree.nodes["Principled BSDF"])


def node(tree, kind, inputs=None, **settings):
    made = tree.nodes.new(f"ShaderNode{kind}")
    for name, value in settings.items():
        setattr(made, name, value)
    for name, value in (inputs or {}).items():
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, made.inputs[name])
        else:
            made.inputs[name].default_value = value
    return made


def noise(tree, where, scale, detail=6.0, rough=0.6):
    inputs = {"Vector": where, "Scale": scale, "Detail": detail, "Roughness": rough}
    return node(tree, "TexNoise", inputs).outputs["Fac"]


def ramp(tree, factor, *stops):
    """A colour ramp of (position, colour)."""
    made = node(tree, "ValToRGB", {"Fac": factor})
    elements = made.color_ramp.elements
    for element, (position, colour) in zip(elements, (stops[0], stops[-1]), strict=True):
        element.position, element.color = position, (*colour, 1)
    for position, colour in stops[1:-1]:
        elements.new(position).color = (*colour, 1)
    return made.outputs["Color"]


def mix(tree, factor, one, other):
    made = node(tree, "Mix", data_type="RGBA")
    for socket, value in zip(
        (made.inputs[0], made.inputs[6], made.inputs[7]), (factor, one, other), strict=True
    ):
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, socket)
        else:
            socket.default_value = value
    return made.outputs[2]


def math_(tree, operation, *values):
    made = node(tree, "Math", operation=operation)
    for socket, value in zip(made.inputs, values, strict=False):
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, socket)
        else:
            socket.default_value = value
    return made.outputs[0]


def terracotta(tree, shader):
    """Fired clay, no two tiles alike: soot and lichen by place, the maker's stamp pressed into each."""
    place = node(tree, "NewGeometry").outputs["Position"]
    own = node(tree, "TexCoord").outputs["Object"]
    chance = node(tree, "ObjectInfo").outputs["Random"]
    clay = ramp(
        tree,
        chance,
        (0.0, (0.30, 0.085, 0.035)),
        (0.3, (0.47, 0.155, 0.060)),
        (0.6, (0.55, 0.210, 0.095)),
        (0.85, (0.40, 0.115, 0.045)),
        (1.0, (0.62, 0.310, 0.160)),
    )
    blotches = ramp(tree, noise(tree, place, 7.0), (0.42, (0, 0, 0)), (0.66, (1, 1, 1)))
    clay = mix(tree, math_(tree, "MULTIPLY", blotches, 0.6), clay, (0.17, 0.065, 0.035, 1))
    chalk = ramp(tree, noise(tree, place, 22.0, 9.0, 0.7), (0.55, (0, 0, 0)), (0.72, (1, 1, 1)))
    clay = mix(tree, math_(tree, "MULTIPLY", chalk, 0.35), clay, (0.66, 0.46, 0.32, 1))
    patches = ramp(tree, noise(tree, place, 2.6, 3.0), (0.50, (0, 0, 0)), (0.62, (1, 1, 1)))
    spots = ramp(tree, noise(tree, place, 34.0, 5.0, 0.72), (0.53, (0, 0, 0)), (0.58, (1, 1, 1)))
    lichen = math_(tree, "MULTIPLY", patches, spots)
    clay = mix(tree, math_(tree, "MULTIPLY", lichen, 0.75), clay, (0.42, 0.40, 0.17, 1))
    stamp = _pressed(tree, own)
    clay = mix(tree, math_(tree, "MULTIPLY", stamp, 0.55), clay, (0.13, 0.05, 0.03, 1))
    tree.links.new(clay, shader.inputs["Base Color"])
    rough = ramp(tree, blotches, (0.0, (0.62, 0.62, 0.62)), (1.0, (0.85, 0.85, 0.85)))
    tree.links.new(rough, shader.inputs["Roughness"])
    shader.inputs["Specular IOR Level"].default_value = 0.35
    grain = noise(tree, own, 60.0, 9.0, 0.72)
    grain = math_(tree, "ADD", grain, math_(tree, "MULTIPLY", lichen, 0.5))
    height = math_(tree, "SUBTRACT", grain, math_(tree, "MULTIPLY", stamp, 2.0))
    bump = node(tree, "Bump", {"Height": height, "Strength": 0.55, "Distance": 0.004})
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def _pressed(tree, own):
    """1 where the stamp is, 28 by 8 cm at the lower end of a tegula. An imbrex lies higher, and has none."""
    scale = node(tree, "Mapping", {"Vector": own, "Location": (0.5, -1.35, 0), "Scale": (3.6, 13, 1)})
    image = node(tree, "TexImage", {"Vector": scale.outputs[0]}, image=_stamp(), extension="CLIP")
    height = node(tree, "SeparateXYZ", {"Vector": own}).outputs["Z"]
    return math_(tree, "MULTIPLY", image.outputs["Color"], math_(tree, "LESS_THAN", height, 0.04))


def _stamp():
    letters = [np.array([list(map(int, row)) for row in STAMP[letter].split()]) for letter in "TEGVLA"]
    word = np.concatenate([np.pad(letter, ((0, 0), (1, 1))) for letter in letters], axis=1)
    framed = np.pad(np.pad(word, 1), 1, constant_values=1)
    large = np.kron(framed, np.ones((8, 8)))[::-1]
    image = bpy.data.images.new("Stamp", large.shape[1], large.shape[0])
    image.colorspace_settings.name = "Non-Color"
    image.pixels = np.repeat(large[..., None], 4, axis=2).astype(np.float32).ravel()
    image.pack()
    return image


def mortar(_tree, shader):
    shader.inputs["Base Color"].default_value = (0.16, 0.12, 0.09, 1)
    shader.inputs["Roughness"].default_value = 0.95


def stone(tree, shader):
    own = node(tree, "TexCoord").outputs["Object"]
    grey = ramp(tree, noise(tree, own, 9.0, 9.0, 0.7), (0.35, (0.20, 0.17, 0.13)), (0.65, (0.42, 0.36, 0.28)))
    tree.links.new(grey, shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.9
    bump = node(
        tree, "Bump", {"Height": noise(tree, own, 28.0, 9.0, 0.7), "Strength": 0.7, "Distance": 0.012}
    )
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def houseleek(tree, shader):
    """Green leaves with red tips, that let some light through."""
    along = node(tree, "SeparateXYZ", {"Vector": node(tree, "TexCoord").outputs["Generated"]}).outputs["Y"]
    leaf = ramp(
        tree,
        along,
        (0.0, (0.20, 0.30, 0.09)),
        (0.55, (0.13, 0.28, 0.10)),
        (0.82, (0.22, 0.24, 0.09)),
        (1.0, (0.38, 0.05, 0.06)),
    )
    tree.links.new(leaf, shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.42
    shader.inputs["Subsurface Weight"].default_value = 0.25
    shader.inputs["Subsurface Radius"].default_value = (0.010, 0.014, 0.004)
    shader.inputs["Subsurface Scale"].default_value = 0.6


def iron(tree, shader):
    own = node(tree, "TexCoord").outputs["Object"]
    rust = ramp(
        tree, noise(tree, own, 30.0, 8.0, 0.7), (0.50, (0.022, 0.021, 0.020)), (0.72, (0.13, 0.045, 0.015))
    )
    tree.links.new(rust, shader.inputs["Base Color"])
    shader.inputs["Metallic"].default_value = 0.85
    shader.inputs["Roughness"].default_value = 0.42
    bump = node(tree, "Bump", {"Height": noise(tree, own, 70.0), "Strength": 0.25, "Distance": 0.003})
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def glass(tree, shader):
    """Light passes straight through, so that the candle lights the roof without caustics."""
    shader.inputs["Base Color"].default_value = (1.0, 0.96, 0.88, 1)
    shader.inputs["Roughness"].default_value = 0.03
    shader.inputs["Transmission Weight"].default_value = 1
    path = node(tree, "LightPath").outputs
    straight = math_(tree, "MAXIMUM", path["Is Shadow Ray"], path["Is Diffuse Ray"])
    clear = node(tree, "BsdfTransparent", {"Color": (0.96, 0.93, 0.86, 1)}).outputs[0]
    both = node(tree, "MixShader", {"Fac": straight})
    tree.links.new(shader.outputs[0], both.inputs[1])
    tree.links.new(clear, both.inputs[2])
    tree.links.new(both.outputs[0], tree.nodes["Material Output"].inputs["Surface"])


def wax(_tree, shader):
    shader.inputs["Base Color"].default_value = (0.85, 0.72, 0.50, 1)
    shader.inputs["Subsurface Weight"].default_value = 0.5
    shader.inputs["Subsurface Scale"].default_value = 0.02
    shader.inputs["Emission Color"].default_value = (1.0, 0.42, 0.12, 1)
    shader.inputs["Emission Strength"].default_value = 0.6


def flame(_tree, shader):
    shader.inputs["Emission Color"].default_value = (1.0, 0.44, 0.10, 1)
    shader.inputs["Emission Strength"].default_value = 22


def hill(tree, shader):
    place = node(tree, "NewGeometry").outputs["Position"]
    fields = ramp(
        tree,
        noise(tree, place, 0.22, 4.0),
        (0.35, (0.075, 0.090, 0.028)),
        (0.5, (0.20, 0.16, 0.055)),
        (0.65, (0.10, 0.105, 0.035)),
    )
    _hazy(tree, shader, fields)


def cypress(tree, shader):
    _hazy(
        tree,
        shader,
        ramp(
            tree,
            node(tree, "ObjectInfo").outputs["Random"],
            (0, (0.02, 0.032, 0.012)),
            (1, (0.04, 0.05, 0.018)),
        ),
    )


def _hazy(tree, shader, colour):
    """The farther, the more of the evening's haze is in it."""
    tree.links.new(colour, shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.9
    away = math_(tree, "DIVIDE", node(tree, "CameraData").outputs["View Z Depth"], 190.0)
    share = math_(tree, "SUBTRACT", 1.0, math_(tree, "POWER", 0.1, away))
    haze = node(tree, "Emission", {"Color": (0.95, 0.50, 0.26, 1), "Strength": 0.5}).outputs[0]
    both = node(tree, "MixShader", {"Fac": share})
    tree.links.new(shader.outputs[0], both.inputs[1])
    tree.links.new(haze, both.inputs[2])
    tree.links.new(both.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
