"""The script that renders for f12.py: native BLEND OUTPUTS, tegula or patches BLEND OUTPUTS DELIVERY."""

import json
import os
import sys
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import bpy
import numpy as np

from tegula_blender import stand_in
from tegula_blender.engine import TegulaRender
from tegula_blender.session.delivery import Delivery, Patch
from tegula_market.model import Rect


def _render_all(blend: str, outputs: str, begin) -> None:
    bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    for output in json.loads(outputs):
        _set_output(scene, output)
        with begin(scene):
            how = {"animation": True} if output["frames"] else {"write_still": True}
            bpy.ops.render.render(**how)


def _set_output(scene, output) -> None:
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if "MULTI" in output["format"] else "IMAGE"
    image.file_format = output["format"]
    if "EXR" in output["format"]:
        image.color_depth, image.exr_codec = "32", "ZIP"
    scene.render.filepath = output["path"]
    if output["frames"]:
        scene.frame_start, scene.frame_end, scene.frame_step = output["frames"]


def _native(blend: str, outputs: str) -> None:
    _render_all(blend, outputs, lambda _: nullcontext())


def _tegula(blend: str, outputs: str, handed: str) -> None:
    @contextmanager
    def begin(scene):
        given = Delivery(cancel=lambda: print("cancelled"))
        before = _settings(scene)
        thread = threading.Thread(target=fill, args=(given, json.loads(handed)))
        thread.start()
        with stand_in.standing_in(scene, given):
            yield
        thread.join()
        assert _settings(scene) == before

    _render_all(blend, outputs, begin)


def _patches(blend: str, outputs: str, handed: str) -> None:
    def take(given, frame, seconds, take=Delivery.take):
        patches, whole = take(given, frame, seconds)
        return patches, None if patches else whole  # an engine that has the frame shows no tiles any more

    TegulaRender._load, Delivery.take = lambda *_: None, take
    _tegula(blend, outputs, handed)


def fill(given: Delivery, handed: dict[str, dict[str, str]]) -> None:
    for frame, files in handed.items():
        with np.load(files["patches"]) as arrays:
            for index, rect in enumerate(arrays["rects"].tolist()):
                start = f"{index}."
                layers = {k.removeprefix(start): arrays[k] for k in arrays.files if k.startswith(start)}
                given.status, given.progress = f"tile {index}", index / 100
                given.give(int(frame), Patch(Rect(*rect), layers))
        given.finish(int(frame), Path(files["whole"]))


def _settings(scene) -> dict[str, str]:
    """All that an artist could have set of the render."""
    owners = {"render": scene.render, "cycles": scene.cycles, "image": scene.render.image_settings}
    return {
        f"{name}.{each.identifier}": str(getattr(owner, each.identifier))
        for name, owner in owners.items()
        for each in owner.bl_rna.properties
        if each.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")
    }


def _main() -> None:
    command, *arguments = sys.argv[1:]
    {"native": _native, "tegula": _tegula, "patches": _patches}[command](*arguments)
    print("\ndone", flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main()
