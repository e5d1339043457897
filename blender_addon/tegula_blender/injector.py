"""Hands stitched frames to Blender, which finishes them exactly as F12 would. Imports bpy."""

from pathlib import Path

import bpy

from . import stand_in
from .session.delivery import Delivery


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
    scene, delivery = bpy.context.scene, Delivery(lambda: None)
    _set_output(scene.render, percentage)
    with stand_in.standing_in(scene, delivery):
        for picture in pictures:
            delivery.finish(picture["frame"], Path(picture["exr"]))
            scene.frame_set(picture["frame"])
            scene.render.filepath = _literal(picture["png"])
            bpy.ops.render.render(write_still=True)


def _set_output(render, percentage):
    render.resolution_percentage = percentage
    render.use_sequencer = render.use_file_extension = False
    image = render.image_settings
    if hasattr(image, "media_type"):  # Blender 5: it decides which formats can be chosen
        image.media_type = "IMAGE"
    # The colour mode stays: whether there is alpha in the picture is the artist's choice.
    image.file_format, image.color_depth = "PNG", "8"


def _literal(path):
    """Blender 4.5 and later read {name} in a path as a template."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5) else path
