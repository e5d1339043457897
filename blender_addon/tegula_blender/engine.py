"""The engine that renders nothing: it shows tiles as they are delivered, and in the end the whole frame.

Imports bpy. Compositor, view transform and file output are Blender's own and cannot tell the difference.
"""

import bpy

# Cycles' own list of what a view layer yields: the passes then come in its order and number.
from cycles.engine import list_render_passes

from tegula_market.adapters import exr_header

from .session.delivery import Stopped

GLANCE_SECONDS = 0.2
"""Between two looks for Esc."""
KEPT = ("cycles.", "cryptomatte/")
"""What Cycles says in a picture's header; the rest Blender says itself."""
OF_A_TILE = "_time"


class TegulaRender(bpy.types.RenderEngine):
    bl_idname = "TEGULA"
    bl_label = "Tegula"
    bl_use_exclude_layers = True  # as Cycles has it, and the next one
    bl_use_custom_freestyle = True
    delivery = None
    """Where frames come from; Blender makes an engine for every render and tells it nothing."""
    abandoned = False
    """The job goes its own way, and the render is to end."""

    def update_render_passes(self, scene, layer):
        for name, channels, kind in list_render_passes(scene, layer):
            self.register_pass(scene, layer, name, len(channels), channels, kind)

    def render(self, depsgraph):
        """Called once for each view layer of a frame; the first one waits for the frame."""
        scene, layer = depsgraph.scene_eval, depsgraph.view_layer_eval
        try:
            whole = self._await(scene.frame_current, layer.name)
            if whole is not None:
                self._load(whole, layer.name, list_render_passes(scene, layer))
        # An error, unlike an exception, keeps Blender from going on with an unfinished frame.
        except Stopped as error:
            TegulaRender.abandoned = True
            self.report({"ERROR"}, str(error))
        except (RuntimeError, exr_header.UnreadableImage) as error:
            self.report({"ERROR"}, str(error))

    def _await(self, frame, layer):
        """The whole frame's file, or nothing if there is to be none."""
        while True:
            patches, whole = self.delivery.take(frame, GLANCE_SECONDS)
            self.update_stats("", self.delivery.status)
            self.update_progress(self.delivery.progress)
            if whole is not None or self.test_break():
                return whole
            if self.abandoned:
                raise Stopped("Tegula was turned off; the job goes on without this render.")
            for patch in patches:
                self._show(patch, layer)

    def _show(self, patch, layer):
        """One view layer alone: Blender's window would jump to whichever changed last."""
        rect, height = patch.rect, self.get_result().resolution_y
        result = self.begin_result(rect.x0, height - rect.y1, rect.width, rect.height, layer=layer)
        # Blender's lines run from the bottom up.
        result.layers[0].passes["Combined"].rect.foreach_set(patch.layers[layer][::-1].ravel())
        self.end_result(result)

    def _load(self, whole, layer, passes):
        for name, channels, _ in passes:
            if name != "Combined":  # which is always there
                self.add_pass(name, len(channels), channels, layer=layer)
        result = self.begin_result(0, 0, self.resolution_x, self.resolution_y, layer=layer)
        try:
            result.load_from_file(str(whole))
        finally:
            self.end_result(result)
        for key, value in exr_header.header(whole).text.items():
            if key.startswith(KEPT) and not key.endswith(OF_A_TILE):
                self.get_result().stamp_data_add_field(key, value)
