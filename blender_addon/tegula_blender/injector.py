"""Hands the layers of a stitched frame to Blender, which finishes it exactly as F12 would.

Imports bpy. For the length of a render, the scene's engine is one that loads each view layer from an
OpenEXR file instead of rendering it. Compositor, view transform and file output are Blender's own and
cannot tell the difference.
"""

from contextlib import contextmanager

import bpy

ENGINE = "TEGULA_INJECTOR"


def develop(pictures, *, percentage):
    """Write the PNG of each frame of the scene that is open.

    Args:
        pictures: dicts of `frame`, `exr` and `png`, paths absolute. The EXR has the size of the frame, or
            of the render region if the scene crops to it, and all passes by Blender's names. Where the
            scene asks for denoising, its Combined is denoised and "Noisy Image" is the undenoised one.
        percentage: of the resolution.
    Raises:
        RuntimeError: Blender could not read an EXR or write a PNG.
    """
    scene = bpy.context.scene
    _set_output(scene.render, percentage)
    with _injecting(scene) as engine:
        for picture in pictures:
            scene.frame_set(picture["frame"])
            scene.render.filepath = _literal(picture["png"])
            engine.source, engine.failures = picture["exr"], []
            bpy.ops.render.render(write_still=True)
            if engine.failures:  # Blender prints what an engine raises, and goes on
                raise RuntimeError(engine.failures[0])


def _set_output(render, percentage):
    render.resolution_percentage = percentage
    # An uncropped region comes in a frame of full size. Blender widens a region's render to such a frame
    # before it composites, so what follows is the same.
    render.use_border = render.use_border and render.use_crop_to_border
    render.use_sequencer = render.use_file_extension = False
    image = render.image_settings
    if hasattr(image, "media_type"):  # Blender 5: it decides which formats can be chosen
        image.media_type = "IMAGE"
    # The colour mode stays: whether there is alpha in the picture is the artist's choice.
    image.file_format, image.color_depth = "PNG", "8"


@contextmanager
def _injecting(scene):
    """The class must not outlive its use: a process that leaves with it registered hangs."""
    engine, before = _engine(), scene.render.engine
    bpy.utils.register_class(engine)
    try:
        scene.render.engine = ENGINE
        yield engine
    finally:
        scene.render.engine = before
        bpy.utils.unregister_class(engine)


def _engine():
    # Cycles' own list of what a view layer yields: the passes then come in its order and number.
    from cycles.engine import list_render_passes

    class Injector(bpy.types.RenderEngine):
        bl_idname = ENGINE
        bl_label = "Tegula"
        bl_use_exclude_layers = True
        bl_use_custom_freestyle = True
        source = ""
        failures: list

        def update_render_passes(self, scene, layer):
            for name, channels, kind in list_render_passes(scene, layer):
                self.register_pass(scene, layer, name, len(channels), channels, kind)

        def render(self, depsgraph):
            layer = depsgraph.scene.view_layers[depsgraph.view_layer_eval.name]
            for name, channels, _ in list_render_passes(depsgraph.scene, layer):
                if name != "Combined":  # which is always there
                    self.add_pass(name, len(channels), channels, layer=layer.name)
            result = self.begin_result(0, 0, self.resolution_x, self.resolution_y, layer=layer.name)
            try:
                result.load_from_file(Injector.source)
            except RuntimeError as error:
                Injector.failures.append(str(error))
            self.end_result(result)

    return Injector


def _literal(path):
    """Blender 4.5 and later read {name} in a path as a template."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5) else path
