"""Whole-frame denoising with Cycles' own denoiser, as the scene has it set. Imports bpy."""

import bpy


def denoise(images):
    """Denoise multilayer EXR files, with the settings of the scene that is open.

    Args:
        images: dicts of `input` and `output`, paths absolute. Of each layer in the file, Combined is denoised
            by the help of Denoising Normal, Denoising Albedo and Vector; all of them have to be there. Their
            first line is the bottom of the picture.
    Raises:
        RuntimeError: a file could not be read or written.
    """
    scene = bpy.context.scene
    # Which layer makes no difference, but one that does not want denoising would turn it off for all.
    layer = next(layer for layer in scene.view_layers if layer.use and layer.cycles.use_denoising)
    for image in images:
        with bpy.context.temp_override(scene=scene, view_layer=layer):
            bpy.ops.cycles.denoise_animation(input_filepath=image["input"], output_filepath=image["output"])
