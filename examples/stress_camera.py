"""Stress scenes about the camera and time: blur, focus, motion from frame to frame."""

import math

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
    stage,
    world,
)


def motion_blur():
    """The camera pans while things spin, fly and change their shape: time is one more sampled dimension."""
    scene = stage(adaptive=True)
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.8
    backdrop(material("Mosaic", mosaic(), 0.5))
    paint, brass = material("Replaced", TERRACOTTA, 0.3), material("Brass", OCHRE, 0.15, METAL)
    for i, x in enumerate((-2.4, 0.0, 2.4)):
        wheel = add("torus", "Wheel", (brass, paint)[i % 2], (x, 0.8, 1.9), size=0.7, major_segments=7)
        key(wheel, "rotation_euler", *((1.3, angle, 0.2) for angle in (0, 0.5 + 0.4 * i, 1 + 0.8 * i)))
        wheel.cycles.motion_steps = 3
        ball = add("uv_sphere", "Ball", material("Glaze", TEAL, 0.1), (x, -1.6, 0.5), size=0.4)
        key(ball, "location", *((x + 0.4 * t, -1.6, 0.5 + 0.5 * (i % 2) * t) for t in (-1, 0, 1)))
    head = monkey("Missing", paint, (0.1, -1.2, 1.1), 0.8)
    head.shape_key_add(name="Basis")
    wide = head.shape_key_add(name="Wide")
    for point in wide.data:
        point.co.x *= 1.5
    key(wide, "value", 0.0, 0.5, 1.0)
    lamp("AREA", (-3, -4, 5), 550, size=2)
    eye = camera()
    key(eye, "location", *((x, *eye.location[1:]) for x in (-0.15, 0, 0.15)))


def depth_of_field():
    """A wide anamorphic aperture of six blades: sparks and a mosaic far out of focus."""
    stage(adaptive=False)
    backdrop(material("Mosaic", mosaic(), 0.4))
    glass, brass = material("Glass", CREAM, 0, GLASS), material("Replaced", OCHRE, 0.2, METAL)
    glow = material("Glow", CREAM, 0.5, {"Emission Color": (1, 0.7, 0.3, 1), "Emission Strength": 30})
    for i in range(24):
        x, y = -3.2 + 1.28 * (i % 6), -3.4 + 1.6 * (i // 6)
        made_of = (brass, glass, material("Glaze", (TEAL, TERRACOTTA)[i % 2], 0.15))[i % 3]
        add("uv_sphere", "Bead", made_of, (x, y, 0.35), size=0.35)
        add("ico_sphere", "Spark", glow, (x + 0.5, 2.6, 1.0 + 0.7 * (i // 6)), size=0.03)
    lamp("AREA", (-3, -4, 5), 450, size=2)
    monkey("Missing", material("Clay", TERRACOTTA, 0.3), (-0.9, 0.2, 1.3), 0.75)
    lens = camera(eye=(0.3, -5.6, 1.7), target=(0, 0, 0.7), lens=38).data
    lens.dof.use_dof, lens.dof.focus_distance, lens.dof.aperture_fstop = True, 4.0, 0.12
    lens.dof.aperture_blades, lens.dof.aperture_rotation, lens.dof.aperture_ratio = 6, 0.3, 1.5


def animation():
    """Three frames, each with its own seed: things, a material, a lamp, the sky and the lens change."""
    scene = stage(adaptive=True)
    scene.frame_end, scene.cycles.use_animated_seed = 3, True
    key(world(CREAM, 0.4).nodes["Background"].inputs["Strength"], "default_value", 0.3, 0.4, 0.6, 0.25)
    backdrop(material("Mosaic", mosaic(), 0.5))
    paint, brass = material("Replaced", TERRACOTTA, 0.3), material("Brass", OCHRE, 0.2, METAL)
    colour = paint.node_tree.nodes["Principled BSDF"].inputs["Base Color"]
    key(colour, "default_value", *((*rgb, 1) for rgb in (OCHRE, TERRACOTTA, TEAL, OCHRE)))
    for i in range(9):
        angles = [i * 0.7 + 0.35 * frame for frame in range(4)]
        kind, height = ("cube", "torus", "cone")[i % 3], 0.6 + i % 3 * 0.7
        thing = add(kind, "Dancer", (paint, brass)[i % 2], (0, 0, 0), size=0.4)
        key(thing, "location", *((2.9 * math.cos(a), -0.3 + 1.7 * math.sin(a), height) for a in angles))
        key(thing, "rotation_euler", *((a, 2 * a, 0) for a in angles))
    key(monkey("Missing", paint, (0, -0.6, 1), 0.8), "scale", *((s, s, s) for s in (0.7, 0.8, 0.65, 0.9)))
    sun = lamp("AREA", (-3, -4, 5), 500, size=1.5)
    key(sun, "location", *((-4 + 2 * frame, -4, 5) for frame in range(4)))
    key(sun.data, "energy", 400, 500, 650, 400)
    key(camera().data, "lens", 42, 42, 40, 44)


SCENES = (motion_blur, depth_of_field, animation)
