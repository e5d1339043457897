"""Copies of .blend files whose paths hold wherever the scene lies. Imports bpy, of a Blender of its own."""

from os.path import relpath
from pathlib import Path

import bpy

from . import packing, paths, scene_files


def make_relative(source, home, target):
    """Save a copy whose paths are relative to `home`, which is where the copy stands in for.

    Args:
        source: opens where it lies, with all that it links.
    Raises:
        RuntimeError: Blender could not read or write it.
    """
    said = packing.opened(source)
    if said:
        raise RuntimeError(said)
    folder = Path(home).parent
    for block in filter(_own, {*bpy.data.user_map(), *bpy.data.libraries}):
        for owner, name in paths.kept(block):
            setattr(owner, name, _relative(getattr(owner, name), folder))
    bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=True, relative_remap=False, compress=True)


def _own(block):
    return (block.parent if block.id_type == "LIBRARY" else block.library) is None


def _relative(path, folder):
    there = scene_files.absolute(path)
    if there.drive != folder.drive:
        return path  # if it is of any use there, packing has said what to do
    return "//" + Path(relpath(there, folder)).as_posix()
