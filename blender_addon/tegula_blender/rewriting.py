"""Copies of .blend files whose paths hold wherever the scene lies. Imports bpy, of a Blender of its own."""

from os.path import relpath
from pathlib import Path

import bpy

from . import packing, paths, scene_files


def make_relative(source, home, target):
    """Save a copy whose paths are relative to `home`, which is where the copy stands in for.

    Args:
        source: opens where it lies, with all that it links.
    Returns:
        whether there is a copy; without absolute paths none is needed.
    Raises:
        RuntimeError: Blender could not read or write it.
    """
    said = packing.opened(source)
    if said:
        raise RuntimeError(said)
    kept = _kept()
    if source == home and all(getattr(owner, name).startswith("//") for owner, name in kept):
        return False
    for owner, name in kept:
        setattr(owner, name, _relative(getattr(owner, name), Path(home).parent))
    bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=True, relative_remap=False, compress=True)
    return True


def _kept():
    """In the file that is open; its libraries keep their own."""
    blocks = {*bpy.data.user_map(), *bpy.data.libraries}
    return [place for block in blocks if _own(block) for place in paths.kept(block)]


def _own(block):
    return (block.parent if block.id_type == "LIBRARY" else block.library) is None


def _relative(path, folder):
    there = scene_files.absolute(path)
    if there.drive != folder.drive:
        return path  # if it is of any use there, packing has said what to do
    return "//" + Path(relpath(there, folder)).as_posix()
