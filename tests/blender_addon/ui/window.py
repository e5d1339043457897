"""Run in a Blender with a window: does what an artist does, and takes pictures of it for docs/artist.md.

    blender --factory-startup --python window.py -- STORY FOLDER

FOLDER has tegula.zip and roof.blend, and gets `account` with the account's address; then it waits there for
market.json, what `tegula market --fund ACCOUNT` prints. It ends with `answer.json`. Pictures and keys go
through ImageMagick's import and xdotool: what is seen is what the window shows.
"""

import importlib
import json
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import bpy

import addon_utils  # isort: skip  Blender's own, found once bpy is there

MODULE = "bl_ext.user_default.tegula"
STORY, FOLDER = sys.argv[-2], Path(sys.argv[-1])
LOOK_SECONDS = 0.1
said = {}


def install():
    press("Escape")  # the splash screen
    before = present()
    bpy.ops.extensions.package_install_files(
        filepath=str(FOLDER / "tegula.zip"), repo="user_default", enable_on_install=True
    )
    (FOLDER / "account").write_text("0x" + live().session().address.hex())
    return before


def live():
    return importlib.import_module(f"{MODULE}.live")


def jobs():
    return live().state().jobs


def present():
    """What an extension could leave behind."""
    handlers = {
        name: len(getattr(bpy.app.handlers, name))
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
    }
    keymaps = bpy.context.window_manager.keyconfigs.addon.keymaps
    return {
        "handlers": handlers,
        "threads": sorted(each.name for each in threading.enumerate()),
        "classes": sorted(name for name in dir(bpy.types) if "tegula" in name.lower()),
        "keys": sum(item.idname.startswith("tegula") for each in keymaps for item in each.keymap_items),
        "scene": hasattr(bpy.types.Scene, "tegula"),
    }


def prepare():
    """The scene is open, its output settings are in sight, and the preferences name the market."""
    market = json.loads((FOLDER / "market.json").read_text())
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.coordinator, preferences.token = market["coordinator"], market["token"]
    bpy.context.preferences.view.render_display_type = "AREA"
    bpy.context.preferences.view.show_splash = False
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "roof.blend"), load_ui=False)
    scene = bpy.context.scene
    scene.tegula.budget, scene.tegula.tiles, scene.tegula.tile = "0.25", "FIXED", 96
    scene.cycles.samples = 16
    screen = bpy.context.window_manager.windows[0].screen
    (area,) = [each for each in screen.areas if each.type == "PROPERTIES"]
    area.spaces.active.context = "OUTPUT"


def show(name):
    """The window as it is."""
    subprocess.run(["import", "-window", "root", str(FOLDER / f"{name}.png")], check=True)


def press(key):
    subprocess.run(["xdotool", "key", key], check=True)


def point(x, y):
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)


def scrolled():
    """Down to Tegula's panel, which is below Blender's own; then the mouse is out of the way."""
    point(1480, 600)
    yield settled(0.5)
    subprocess.run(["xdotool", "click", "--repeat", "80", "--delay", "15", "5"], check=True)
    yield settled(2)
    point(600, 300)
    yield settled(0.5)


def begin(animation=False):
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        return bpy.ops.tegula.render("INVOKE_DEFAULT", animation=animation)


def settled(seconds):
    """Blender has drawn what there is to see."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def agreed():
    """The quote is there and the artist says yes to it."""
    yield lambda: jobs() and jobs()[0].step.name == "QUOTED"
    yield settled(2)


def first():
    before = install()
    yield (FOLDER / "market.json").exists
    prepare()
    yield settled(1)
    bpy.ops.tegula.test_connection("INVOKE_DEFAULT")
    yield lambda: live().state().connection is not None
    said["connection"] = live().state().connection.sentence
    yield from scrolled()
    show("panel")
    begin()
    yield from agreed()
    press("Return")
    yield lambda: jobs()[0].tiles >= 3
    press("Escape")
    yield lambda: jobs()[0].step.over
    yield lambda: not bpy.app.is_job_running("RENDER")
    said["cancelled"] = [jobs()[0].step.name, jobs()[0].sentence]
    yield from scrolled()
    show("cancelled")
    bpy.ops.tegula.quote("INVOKE_DEFAULT")
    yield lambda: live().state().quoted
    begin()
    yield from agreed()
    show("quote")
    press("Return")
    yield lambda: jobs()[0].tiles >= 9
    yield from scrolled()
    yield lambda: jobs()[0].tiles >= 14
    show("half")
    yield lambda: jobs()[0].step.over
    over = time.monotonic()
    yield lambda: not bpy.app.is_job_running("RENDER")
    said["seconds from the last word to the end of the render"] = time.monotonic() - over
    said["finished"] = [jobs()[0].step.name, jobs()[0].sentence]
    yield from scrolled()
    show("done")
    said["engine"] = bpy.context.scene.render.engine
    leave(before)


def away():
    """The coordinator goes away in mid-job; somebody outside ends it when `half` is there."""
    install()
    yield (FOLDER / "market.json").exists
    prepare()
    begin()
    yield from agreed()
    press("Return")
    yield lambda: jobs()[0].tiles >= 3
    (FOLDER / "half").touch()
    yield lambda: jobs()[0].sentence
    said["away"] = jobs()[0].sentence
    yield settled(1)
    show("away")
    bpy.ops.mesh.primitive_cube_add()
    said["usable"] = bpy.context.object.name
    press("Escape")
    yield lambda: not bpy.app.is_job_running("RENDER")
    said["after Esc"] = [jobs()[0].step.name, jobs()[0].sentence]


def leave(before):
    """Off, on, off: nothing stays."""
    addon_utils.disable(MODULE)
    said["left after the first time"] = difference(before)
    addon_utils.enable(MODULE)
    live().session()
    addon_utils.disable(MODULE)
    said["left after the second time"] = difference(before)


def difference(before):
    after = present()
    return {name: [before[name], after[name]] for name in before if before[name] != after[name]}


class Play:
    """Goes through a story, whose every step yields what it waits for."""

    def __init__(self, story):
        self._story, self._met = story, lambda: True

    def look(self):
        try:
            over = self._met() and not self._go_on()
        except Exception:  # noqa: BLE001 whatever it is is the answer
            said["fault"] = traceback.format_exc()
            show("fault")
            over = True
        if not over:
            return LOOK_SECONDS
        (FOLDER / "answer.json").write_text(json.dumps(said, indent=2))
        bpy.ops.wm.quit_blender()
        return None

    def _go_on(self):
        self._met = next(self._story, None)
        return self._met is not None


# A file that is opened would end a timer that does not persist.
bpy.app.timers.register(Play({"first": first, "away": away}[STORY]()).look, first_interval=2, persistent=True)
