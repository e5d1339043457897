"""Small scenes that stress what differs between machines, renders and tiles, one part of Cycles each.

    python examples/stress.py                   prints their names
    python examples/stress.py NAME OUT.blend    builds one
    python examples/stress.py all FOLDER        builds each as FOLDER/NAME.blend

All are 320 x 180 with 32 samples and fill the frame, to be compared tile by tile.
"""

import importlib
import sys
from pathlib import Path

import bpy

THEMES = ("stress_light", "stress_matter", "stress_camera", "stress_film")
SCENES = {scene.__name__: scene for theme in THEMES for scene in importlib.import_module(theme).SCENES}


def main():
    match sys.argv[1:]:
        case []:
            print("\n".join(SCENES))
        case ["all", folder] if Path(folder).is_dir():
            for name in SCENES:
                build(name, Path(folder, f"{name}.blend"))
        case [name, out] if name in SCENES:
            build(name, Path(out))
        case _:
            usage = "usage: stress.py [NAME OUT.blend | all FOLDER], where FOLDER is there and NAME one of"
            sys.exit(f"{usage}: {', '.join(SCENES)}")


def build(name, out):
    SCENES[name]()
    bpy.context.scene.frame_set(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(out.absolute()), compress=True)


main()
