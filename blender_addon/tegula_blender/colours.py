"""Whether colours are managed here as workers manage them. Imports bpy.

Blender knows colour spaces and view transforms by its OCIO configuration, which is no part of a .blend.
"""

import ctypes
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

import bpy

CONFIGURATION = "config.ocio"
UNKNOWN = re.compile(r'\b(view|colorspace) "([^"]+)"[^"]* not found')
"""Blender replaces such names when it opens a file, and says so nowhere but in its output."""


def about():
    """Sentences that say what to do."""
    used = os.environ.get("OCIO") or _in(bpy.utils.user_resource)
    # Blender 5.2 sets the variable itself.
    if not used or Path(used) == Path(_in(bpy.utils.system_resource)):
        return []
    said = f"This Blender manages colours by {used}, which workers do not have; start Blender without it, and"
    return [f"{said} choose the scene's colour spaces and its view transform among Blender's own."]


def _in(resource):
    """A configuration among the user's files goes before Blender's own."""
    path = Path(resource("DATAFILES", path="colormanagement")) / CONFIGURATION
    return str(path) if path.is_file() else ""


@contextmanager
def missed():
    """Yields a list, which has a sentence for every name that is unknown here once a file was opened."""
    said = []
    with tempfile.TemporaryFile() as heard:
        with _redirected(heard.fileno()):
            yield said
        heard.seek(0)
        names = UNKNOWN.findall(heard.read().decode(errors="replace"))
    kinds = {"view": "view transform", "colorspace": "colour space"}
    said += [
        f"The {kinds[kind]} {name!r} is none of Blender's own, and workers know no others; choose another."
        for kind, name in dict.fromkeys(names)
    ]


@contextmanager
def _redirected(target):
    """What the process writes, not Python alone."""
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor in (1, 2):
            os.dup2(target, descriptor)
        yield
    finally:
        # Blender prints by C, whose buffer Python's own flush does not empty.
        ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)
        for descriptor, before in zip((1, 2), kept, strict=True):
            os.dup2(before, descriptor)
            os.close(before)
