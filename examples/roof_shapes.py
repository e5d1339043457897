"""The shapes of the roof: functions that fill a bmesh, and one that makes a mesh of them."""

import itertools
import math

import bmesh
import bpy
from mathutils import Matrix

WIDTH, LENGTH = 0.42, 0.5  # of a tegula, as it shows


def mesh_of(build, *, smooth=40):
    """A mesh from a function that fills a bmesh; edges over `smooth` degrees stay sharp."""
    form = bmesh.new()
    build(form)
    bmesh.ops.recalc_face_normals(form, faces=form.faces)
    mesh = bpy.data.meshes.new(build.__name__)
    form.to_mesh(mesh)
    form.free()
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=math.radians(smooth))
    return mesh


def box(form, size, at=(0, 0, 0), *, bevel=0.0):
    made = bmesh.ops.create_cube(form, matrix=Matrix.Translation(at) @ Matrix.Diagonal((*size, 1)))
    if bevel:
        edges = list({edge for vertex in made["verts"] for edge in vertex.link_edges})
        bmesh.ops.bevel(form, geom=edges, offset=bevel, segments=2, affect="EDGES", profile=0.6)


def tegula(form):
    """A flat tile with raised rims, its lower end at the origin. It runs under the next one up."""
    box(form, (WIDTH, LENGTH * 1.16, 0.028), (0, LENGTH * 0.58, 0.014), bevel=0.006)
    for side in (-1, 1):
        box(
            form,
            (0.035, LENGTH * 1.1, 0.062),
            (side * (WIDTH / 2 - 0.018), LENGTH * 0.56, 0.031),
            bevel=0.009,
        )


def imbrex(form, radius=0.095, taper=0.8, length=LENGTH * 1.16, thick=0.017):
    """Half a pipe over a joint, wider at its lower end."""
    rings = []
    for end in range(5):
        part = end / 4
        for r in (radius, radius - thick):
            scale = r * (1 - part * (1 - taper))
            rings.append(
                [
                    form.verts.new((-math.cos(a) * scale, part * length, math.sin(a) * scale * 1.05))
                    for a in (math.pi * i / 20 for i in range(21))
                ]
            )
    outer, inner = rings[0::2], rings[1::2]
    for shell in (outer, inner):
        for low, high in itertools.pairwise(shell):
            for i in range(20):
                form.faces.new((low[i], low[i + 1], high[i + 1], high[i]))
    for low, high in ((outer[0], inner[0]), (outer[-1], inner[-1])):
        for i in range(20):
            form.faces.new((low[i], low[i + 1], high[i + 1], high[i]))


def leaf(form):
    """A fleshy leaf along +Y, its tip turned up."""
    rings, around = [], 10
    for i in range(9):
        t = i / 8
        width = 0.30 * math.sin(math.pi * min(1, 0.12 + t * 0.9)) ** 0.7 * (1 - t**5)
        for_each = (2 * math.pi * j / around for j in range(around))
        rings.append(
            [
                form.verts.new((math.cos(a) * width, t, math.sin(a) * width * 0.38 + 0.22 * t**2.2))
                for a in for_each
            ]
        )
    for low, high in itertools.pairwise(rings):
        for j in range(around):
            form.faces.new((low[j], low[(j + 1) % around], high[(j + 1) % around], high[j]))
    for ring in (rings[0], rings[-1]):
        form.faces.new(ring)


def cypress(form):
    bmesh.ops.create_uvsphere(
        form, u_segments=14, v_segments=22, radius=0.5, matrix=Matrix.Translation((0, 0, 0.5))
    )
    for vertex in form.verts:
        height = vertex.co.z
        narrow = 0.45 + 1.1 * (1 - height) ** 0.8 * height**0.25
        wobble = 1 + 0.14 * math.sin(height * 61 + vertex.co.x * 47 + vertex.co.y * 83)
        vertex.co.x, vertex.co.y = vertex.co.x * narrow * wobble, vertex.co.y * narrow * wobble


def frame(form):
    box(form, (0.30, 0.30, 0.03), (0, 0, 0.015), bevel=0.006)
    box(form, (0.25, 0.25, 0.03), (0, 0, 0.045), bevel=0.008)
    for x in (-0.105, 0.105):
        for y in (-0.105, 0.105):
            box(form, (0.016, 0.016, 0.34), (x, y, 0.22), bevel=0.003)
    for z in (0.065, 0.385):
        for side in (-0.105, 0.105):
            box(form, (0.21, 0.014, 0.014), (0, side, z), bevel=0.003)
            box(form, (0.014, 0.21, 0.014), (side, 0, z), bevel=0.003)
    box(form, (0.28, 0.28, 0.016), (0, 0, 0.398), bevel=0.005)
    tip = Matrix.Translation((0, 0, 0.455)) @ Matrix.Rotation(math.pi / 4, 4, "Z")
    bmesh.ops.create_cone(form, cap_ends=True, segments=4, radius1=0.18, radius2=0.05, depth=0.1, matrix=tip)
    cap = Matrix.Translation((0, 0, 0.525))
    bmesh.ops.create_cone(
        form, cap_ends=True, segments=24, radius1=0.045, radius2=0.035, depth=0.05, matrix=cap
    )


def panes(form):
    for side in (-0.1, 0.1):
        box(form, (0.195, 0.004, 0.31), (0, side, 0.225))
        box(form, (0.004, 0.195, 0.31), (side, 0, 0.225))


def candle(form):
    at = Matrix.Translation((0, 0, 0.12))
    bmesh.ops.create_cone(
        form, cap_ends=True, segments=32, radius1=0.042, radius2=0.039, depth=0.12, matrix=at
    )


def flame(form):
    bmesh.ops.create_uvsphere(form, u_segments=16, v_segments=16, radius=1)
    for vertex in form.verts:  # into a drop that stands on the wick
        narrow = 0.013 * (1 - (vertex.co.z + 1) / 2.05) ** 0.7
        vertex.co = (vertex.co.x * narrow, vertex.co.y * narrow, 0.225 + 0.045 * vertex.co.z)


def slab(form):
    box(form, (0.44, 0.40, 0.09), (0, 0, -0.045), bevel=0.012)
