"""Properties > Output: what a render will cost, and how jobs stand. Imports bpy.

Draws from cached values only: Blender draws while the artist drags the mouse.
"""

import bpy

from .. import live
from ..session.state import Step
from . import words

LETTER, MARGIN = 5.8, 90
"""Pixels at a resolution scale of 1, of a letter on average and of what stands beside a text."""


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
            _draw_quote(layout.box(), live.state().quote, _letters(context))
        for line in words.wrapped(live.state().problem, _letters(context)):
            layout.label(text=line, icon="ERROR")
        row = layout.row()
        row.scale_y = 1.4
        row.operator("tegula.render", text="Render Image", icon="RENDER_STILL").animation = False
        row.operator("tegula.render", text="Render Animation", icon="RENDER_ANIMATION").animation = True


class TEGULA_PT_jobs(_Output, bpy.types.Panel):
    bl_label = "Jobs"
    bl_parent_id = "TEGULA_PT_render"

    def draw(self, context):
        cards = live.state().jobs
        if not cards:
            self.layout.label(text="Nothing was rendered on Tegula yet.")
        for card in cards:
            _draw_job(self.layout.box(), card, _letters(context))


def _draw_scene(column, scene):
    render = scene.render
    size = [edge * render.resolution_percentage // 100 for edge in (render.resolution_x, render.resolution_y)]
    column.enabled = False
    column.label(text=f"{size[0]} x {size[1]} pixels, {scene.cycles.samples} samples", icon="SCENE")


def _letters(context):
    """That fit into a line of the panel."""
    if context.region is None:  # no window
        return 80
    return max(20, int((context.region.width / context.preferences.system.ui_scale - MARGIN) / LETTER))


def _draw_quote(box, quote, letters):
    column = box.column(align=True)
    column.label(text=words.price(quote), icon="INFO")
    column.label(text=words.time(quote), icon="BLANK1")
    column.label(text=f"at most {quote.money.text(quote.budget)}", icon="BLANK1")
    column = box.column(align=True)
    column.scale_y = 0.8
    for reason in quote.reasons:
        for at, line in enumerate(words.wrapped(reason, letters)):
            column.label(text=line, icon="BLANK1" if at else "DOT")


def _draw_job(box, card, letters):
    row = box.row()
    row.label(text=card.name, icon=ICONS.get(card.step, "RENDER_STILL"))
    if card.step is Step.WAITING and not card.of:
        row.operator("tegula.resume", text="", icon="PLAY").handle = card.handle
    elif not card.step.over:
        row.operator("tegula.cancel", text="", icon="CANCEL").handle = card.handle
    elif card.job is not None:
        row.operator("tegula.resume", text="", icon="FILE_REFRESH").handle = card.handle
        row.operator("tegula.download", text="", icon="IMPORT").handle = card.handle
    if not card.step.over:
        box.progress(text=words.progress(card), factor=words.share(card))
    if card.quote is not None and card.budget:
        money = card.quote.money
        spent = money.text(card.spent).removesuffix(money.symbol)
        box.label(text=f"{spent}of {money.text(card.budget)}", icon="BLANK1")
    column = box.column(align=True)
    column.scale_y = 0.8
    for line in words.wrapped(card.sentence, letters):
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
