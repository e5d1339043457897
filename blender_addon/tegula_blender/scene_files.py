"""Which files the renders of a scene read. Imports bpy.

A datablock counts if the scene leads to it: images that only a brush or another scene knows stay at home.
What only the compositor reads has to be there, for the requester's own Blender, but is not sent out.
"""

import re
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

import bpy

from . import paths
from .complaints import label

FINISHING = {"IMAGE", "MOVIECLIP", "MASK"}
"""Kinds that a scene refers to itself only in its compositor, its sequencer and its editors."""
MARK = re.compile(r"<UDIM>|<UVTILE>")
DIGITS = re.compile(r"\d+(?=\D*$)")
CACHE_FILES = "*.bphys"


@dataclass
class Files:
    paths: set = field(default_factory=set)
    """Absolute. Without the .blend itself."""
    absolute: set = field(default_factory=set)
    """Of the .blend itself and of its libraries, those whose paths may not be relative to them."""
    problems: list = field(default_factory=list)


def needed(scene, home):
    """The files of a scene that is open.

    Args:
        home: where its .blend lies, or would lie.
    """
    files = Files()
    rendered = reached(scene, finishing=False)
    for block in sorted(reached(scene), key=label):
        if block.id_type != "LIBRARY":
            _collect(block, files, home, sent=block in rendered)
    for library in {block.library for block in rendered if block.library}:
        _add_library(library, files, home)
    files.absolute |= {absolute(library.filepath) for library in _in_doubt(rendered)}
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


def absolute(path, library=None):
    # Blender keeps the "\\" of files that were saved on Windows.
    return Path(normpath(bpy.path.abspath(path.replace("\\", "/"), library=library)))


def _collect(block, files, home, *, sent):
    for owner, name in paths.kept(block):
        path = getattr(owner, name)
        there = absolute(path, block.library)
        found = _on_disk(there, owner)
        if not found:
            files.problems.append(_missing(block, there, owner.bl_rna.properties[name].subtype))
        if not path.startswith("//"):
            files.absolute.add(_owner(block.library, home))
        if sent:
            files.paths |= found
    if sent and any(cache.use_disk_cache and not cache.use_external for cache in paths.point_caches(block)):
        _add_disk_cache(block, files)


def _owner(library, home):
    """The .blend in which a datablock of `library` keeps its paths."""
    return absolute(library.filepath) if library else home


def _missing(block, path, kind):
    said = label(block)
    if kind == "DIR_PATH":
        return f"{said} wants what was baked into {path}, which is not there; put it there, or bake again."
    return f"{said} wants the file {path}, which is not there; put it there, pack it, or choose another."


def _add_library(library, files, home):
    """A library, and the libraries that it came through. Their paths are relative to the main .blend."""
    while library is not None:
        there = absolute(library.filepath)
        if there not in files.paths:
            files.paths.add(there)
            if not there.is_file():
                files.problems.append(
                    f"The library {there} is not there; put it there, or relocate it in Blender."
                )
            if not library.filepath.startswith("//"):
                files.absolute.add(_owner(library.parent, home))
        library = library.parent


def _in_doubt(rendered):
    """Libraries that link others by paths that are not seen from here.

    Blender keeps one path for each library, that by which it came first.
    """
    for used, users in bpy.data.user_map().items():
        for user in users:
            linked = used.library and user.library and used.library != user.library
            if linked and user in rendered and used.library.parent != user.library:
                yield user.library


def _on_disk(path, owner):
    """The files that a path stands for: tiles of a UDIM, frames of a sequence, a folder's contents."""
    if path.is_dir():
        wanted = CACHE_FILES if hasattr(owner, "use_disk_cache") else "*"
        return {below for below in path.rglob(wanted) if below.is_file()}
    name = re.escape(path.name)
    if MARK.search(name):
        name = MARK.sub(r"(\\d{4}|u\\d+_v\\d+)", name)
    elif getattr(owner, "source", "") == "SEQUENCE" or getattr(owner, "is_sequence", False):
        name = DIGITS.sub(r"\\d+", re.escape(path.stem)) + re.escape(path.suffix)
    else:
        return {path} if path.is_file() else set()
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    return {each for each in beside if re.fullmatch(name, each.name) and each.is_file()}


def _add_disk_cache(block, files):
    """Physics keep their frames in blendcache_NAME beside the .blend that holds the object."""
    if not (block.library or bpy.data.filepath):
        files.problems.append(
            f"{label(block)} bakes beside the scene, which was never saved; save the scene, and bake again."
        )
        return
    home = absolute(block.library.filepath if block.library else bpy.data.filepath)
    cache = home.with_name(f"blendcache_{home.stem}")
    found = set(cache.glob(CACHE_FILES)) if cache.is_dir() else set()
    if not found:
        files.problems.append(_missing(block, cache, "DIR_PATH"))
    files.paths |= found
