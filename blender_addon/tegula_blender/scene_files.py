"""Which files the renders of a scene read. Imports bpy.

A datablock counts if the scene leads to it: images that only a brush or another scene knows stay at home.
What only the compositor reads has to be there, for the requester's own Blender, but is not sent out.
"""

import re
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

import bpy

UNREAD = {"SOUND", "TEXT", "LIBRARY", "SCREEN", "WORKSPACE", "BRUSH"}
FINISHING = {"IMAGE", "MOVIECLIP", "MASK"}
"""Kinds that a scene refers to itself only in its compositor, its sequencer and its editors."""
MARK = re.compile(r"<UDIM>|<UVTILE>")
DIGITS = re.compile(r"\d+(?=\D*$)")
CACHED = {"CLOTH", "SOFT_BODY", "DYNAMIC_PAINT", "NODES", "PARTICLE_SYSTEM"}


@dataclass
class Files:
    paths: set = field(default_factory=set)
    """Absolute. Without the .blend itself."""
    absolute: set = field(default_factory=set)
    """Paths in the .blend itself that are not relative to it."""
    problems: list = field(default_factory=list)


def needed(scene):
    """The files of a scene that is open."""
    files = Files()
    rendered = reached(scene, finishing=False)
    for block in sorted(reached(scene), key=_label):
        _collect(block, files, sent=block in rendered)
    for library in {block.library for block in rendered if block.library}:
        _add_library(library, files)
    return files


def reached(scene, *, finishing=True):
    """The datablocks that a scene leads to, with those or without those that only finish its renders."""
    uses = {}
    for block, users in bpy.data.user_map().items():
        for user in users:
            uses.setdefault(user, set()).add(block)
    found, ahead = set(), [scene]
    while ahead:
        block = ahead.pop()
        if block not in found:
            found.add(block)
            skipped = block == scene and not finishing
            ahead += [used for used in uses.get(block, ()) if not (skipped and _is_finishing(used))]
    return found


def _is_finishing(block):
    return block.id_type in FINISHING or getattr(block, "bl_idname", "") == "CompositorNodeTree"


def _collect(block, files, *, sent):
    if block.id_type in UNREAD:
        return
    for path in bpy.data.file_path_map(subset=[block]).get(block, ()):
        absolute = _absolute(path, block.library)
        found = _on_disk(absolute, block)
        if not found:
            files.problems.append(
                f"{_label(block)} wants the file {absolute}, which is not there; put it there, pack it, or"
                " choose another."
            )
        if not path.startswith("//"):
            _not_relative(block, path, block.library, files)
        if sent:
            files.paths |= found
    if sent and block.id_type == "OBJECT":
        files.paths |= _disk_cache(block)


def _absolute(path, library=None):
    # Blender keeps the "\\" of files that were saved on Windows.
    return Path(normpath(bpy.path.abspath(path.replace("\\", "/"), library=library)))


def _not_relative(block, path, library, files):
    if library is None:
        files.absolute.add(path)
    else:
        files.problems.append(
            f"{_label(block)} in the library {library.filepath} has the absolute path {path}; open the"
            " library in Blender, make its paths relative (File > External Data), and save it."
        )


def _add_library(library, files):
    """A library, and the libraries that it came through. Their paths are relative to the main .blend."""
    while library is not None:
        absolute = _absolute(library.filepath)
        if absolute not in files.paths:
            files.paths.add(absolute)
            if not absolute.is_file():
                files.problems.append(
                    f"The library {absolute} is not there; put it there, or relocate it in Blender."
                )
            if not library.filepath.startswith("//"):
                _not_relative(library, library.filepath, library.parent, files)
        library = library.parent


def _on_disk(path, block):
    """The files that a path stands for: a tile of a UDIM, a frame of a sequence, a folder's contents."""
    if path.is_dir():
        return {below for below in path.rglob("*") if below.is_file()}
    name, beside = re.escape(path.name), list(path.parent.iterdir()) if path.parent.is_dir() else []
    if MARK.search(name):
        name = MARK.sub(r"(\\d{4}|u\\d+_v\\d+)", name)
    elif getattr(block, "source", "") == "SEQUENCE" or getattr(block, "is_sequence", False):
        name = DIGITS.sub(r"\\d+", re.escape(path.stem)) + re.escape(path.suffix)
    return {each for each in beside if re.fullmatch(name, each.name) and each.is_file()}


def _disk_cache(block):
    """Simulations keep their frames in blendcache_NAME beside the .blend that holds the object."""
    if not any(modifier.type in CACHED for modifier in block.modifiers):
        return set()
    home = _absolute(block.library.filepath if block.library else bpy.data.filepath)
    cache = home.with_name(f"blendcache_{home.stem}")
    return _on_disk(cache, block) if cache.is_dir() else set()


def _label(block):
    return f"{block.id_type.capitalize().replace('_', ' ')} {block.name!r}"
