"""Whether colours are managed here as workers manage them. Imports bpy.

Blender reads a texture's colour space by its OCIO configuration, which is no part of a .blend.
"""

import os
from pathlib import Path

import bpy

CONFIGURATION = "config.ocio"


def about():
    """Sentences that say what to do."""
    mine = os.environ.get("OCIO") or _users_own()
    if not mine:
        return []
    said = f"This Blender manages colours by {mine}, which workers do not have; start Blender without it, and"
    return [f"{said} choose the scene's colour spaces and its view transform among Blender's own."]


def _users_own():
    """A configuration among the user's files goes before Blender's own."""
    folder = bpy.utils.user_resource("DATAFILES", path="colormanagement")
    path = Path(folder) / CONFIGURATION if folder else None
    return str(path) if path and path.is_file() else ""
