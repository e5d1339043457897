"""The requester's Blender, without a window: does one request and ends.

A script of its own, for the bpy module and for the Blender program alike:

    python background.py REQUEST.json REPLY.json
    blender -b --factory-startup --disable-autoexec --python background.py -- REQUEST.json REPLY.json

The request is {"command": one of `_handlers`, "market": folder of tegula_market, …arguments}; {"failure":
sentence} in the reply means that Blender could not. Without a reply, the process died.
"""

import importlib.util
import json
import os
import sys
import threading
from pathlib import Path


def main():
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request, reply = map(Path, sys.argv[-2:])
    _import_package("tegula_blender", Path(__file__).resolve().parent)
    command = json.loads(request.read_text())
    _import_package("tegula_market", Path(command.pop("market")))
    handler = _handlers()[command.pop("command")]
    try:
        answer = handler(**command)
    except RuntimeError as error:  # what Blender's operators raise
        answer = {"failure": " ".join(str(error).removeprefix("Error: ").split())}
    reply.write_text(json.dumps(answer))


def _handlers():
    return {
        "inspect": _inspect,
        "rewrite": _rewrite,
        "denoise": _denoise,
        "develop": _develop,
        "pilot": _pilot,
    }


def _end_with_parent():
    """The parent holds the other end of stdin for as long as it lives."""
    while sys.stdin.read(4096):
        pass
    os._exit(1)


def _import_package(name, folder):
    """A Blender program has no packages installed; its sys.path stays as it is."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _inspect(blend, samples, percentage):
    from tegula_blender import packing

    return packing.inspect(blend, samples=samples, percentage=percentage)


def _rewrite(copies):
    from tegula_blender import rewriting

    return {"copied": [copy["home"] for copy in copies if rewriting.make_relative(**copy)]}


def _denoise(blend, images):
    from tegula_blender import denoiser

    _open(blend)
    denoiser.denoise(images)
    return {}


def _develop(blend, percentage, pictures):
    from tegula_blender import injector

    _open(blend)
    injector.develop(pictures, percentage=percentage)
    return {}


def _pilot(blend, **how):
    from tegula_blender import pilot

    _open(blend)
    return pilot.pilot(**how)


def _open(blend):
    from tegula_blender import packing

    said = packing.opened(blend)
    if said:
        raise RuntimeError(said)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the end of a process with bpy in it can crash or hang, after all is written
