"""Properties > Output: what a render will cost, and how jobs stand. Imports bpy.

Draws from cached values only: Blender draws while the artist drags the mouse.
"""

import bpy

from .. import live
from ..session.state import Step
from . import words

WIDTH = 46
"""Letters of a line, in a panel of usual width."""


class _Output:
    bl_space_type, bl_region_type, bl_context = "PROPERTIES", "WINDOW", "output"

    @classmethod
    def poll(cls, context):
        return context.scene.render.engine == "CYCLES"


class TEGULA_PT_render(_Output, bpy.types.Panel):
    bl_label = "Tegula"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column()
        column.prop(scene.tegula, "budget")
        column.prop(scene.tegula, "deadline")
        column.prop(scene.tegula, "tiles")
        if scene.tegula.tiles == "FIXED":
            column.prop(scene.tegula, "tile")
        _draw_scene(layout.column(), scene)
        layout.operator("tegula.quote", icon="VIEWZOOM")
        if live.state().quote is not None:
            _draw_quote(layout.box(), live.state().quote)
        row = layout.row()
        row.scale_y = 1.4
        row.operator("tegula.render", text="Render Image", icon="RENDER_STILL").animation = False
        row.operator("tegula.render", text="Render Animation", icon="RENDER_ANIMATION").animation = True


class TEGULA_PT_jobs(_Output, bpy.types.Panel):
    bl_label = "Jobs"
    bl_parent_id = "TEGULA_PT_render"

    def draw(self, _context):
        cards = live.state().jobs
        if not cards:
            self.layout.label(text="Nothing was rendered on Tegula yet.")
        for card in cards:
            _draw_job(self.layout.box(), card)


def _draw_scene(column, scene):
    render = scene.render
    size = [edge * render.resolution_percentage // 100 for edge in (render.resolution_x, render.resolution_y)]
    column.enabled = False
    column.label(text=f"{size[0]} x {size[1]} pixels, {scene.cycles.samples} samples", icon="SCENE")


def _draw_quote(box, quote):
    box.label(text=f"{words.price(quote)}, {words.time(quote)}", icon="INFO")
    box.label(text=f"At most {quote.money.text(quote.budget)}; the rest comes back.", icon="BLANK1")
    column = box.column(align=True)
    column.scale_y = 0.8
    for reason in quote.reasons:
        for at, line in enumerate(words.wrapped(reason, WIDTH)):
            column.label(text=line, icon="BLANK1" if at else "DOT")


def _draw_job(box, card):
    row = box.row()
    row.label(text=card.name, icon=ICONS.get(card.step, "RENDER_STILL"))
    if card.step is Step.WAITING and not card.of:
        row.operator("tegula.resume", text="", icon="PLAY").handle = card.handle
    elif not card.step.over:
        row.operator("tegula.cancel", text="", icon="CANCEL").handle = card.handle
    elif card.job is not None:
        row.operator("tegula.resume", text="", icon="FILE_REFRESH").handle = card.handle
    if not card.step.over:
        box.progress(text=words.progress(card), factor=words.share(card))
    if card.quote is not None and card.budget:
        text = card.quote.money.text
        box.label(text=f"{text(card.spent)} of {text(card.budget)} spent", icon="BLANK1")
    column = box.column(align=True)
    column.scale_y = 0.8
    for line in words.wrapped(card.sentence, WIDTH):
        column.label(text=line)


ICONS = {
    Step.DONE: "CHECKMARK",
    Step.CANCELLED: "X",
    Step.FAILED: "ERROR",
    Step.QUOTED: "QUESTION",
    Step.UPLOADING: "EXPORT",
}
CLASSES = TEGULA_PT_render, TEGULA_PT_jobs


def register():
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister():
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
