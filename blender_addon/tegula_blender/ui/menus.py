"""Entries of Blender's Render menu. Imports bpy."""

import bpy


def draw(self, _context):
    layout = self.layout
    layout.separator()
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator("tegula.render", text="Render Image on Tegula", icon="RENDER_STILL").animation = False
    layout.operator(
        "tegula.render", text="Render Animation on Tegula", icon="RENDER_ANIMATION"
    ).animation = True


def register():
    bpy.types.TOPBAR_MT_render.append(draw)


def unregister():
    bpy.types.TOPBAR_MT_render.remove(draw)
