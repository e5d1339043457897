"""Run in a Blender of its own: does what an artist does with the installed extension, says what came of it.

python extension.py COMMAND ARGUMENTS...
"""

import importlib
import json
import sys
import threading

import bpy

import addon_utils  # isort: skip  Blender's own, found once bpy is there

# The module lacks what the program has.
sys.path.append(bpy.utils.resource_path("LOCAL") + "/python/lib/python3.11/site-packages")
MODULE = "bl_ext.user_default.tegula"


def main():
    command, *arguments = sys.argv[1:]
    if command != "install":
        addon_utils.extensions_refresh(ensure_wheels=True)
        addon_utils.enable(MODULE, default_set=True)
    answer = {
        "install": install,
        "leave": leave,
        "draw": draw,
        "account": account,
        "render": render,
        "animate": animate,
        "resume": resume,
        "refuse": refuse,
    }[command](*arguments)
    print("ANSWER", json.dumps(answer), flush=True)


def install(path):
    bpy.ops.extensions.package_install_files(filepath=path, repo="user_default", enable_on_install=True)
    bpy.ops.wm.save_userpref()
    return [each.module for each in bpy.context.preferences.addons if "tegula" in each.module]


def present():
    handlers = {
        name: len(getattr(bpy.app.handlers, name))
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
    }
    live = sys.modules.get(f"{MODULE}.live")
    return {
        "handlers": handlers,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "classes": sorted(name for name in dir(bpy.types) if "tegula" in name.lower()),
        "menu": len(bpy.types.TOPBAR_MT_render._dyn_ui_initialize()),
        "scene": hasattr(bpy.types.Scene, "tegula"),
        "ticks": bool(live) and bpy.app.timers.is_registered(live._tick),
    }


def leave():
    """Off, on, used, off, on, off: what is there when it is off."""
    addon_utils.disable(MODULE)
    seen = [present()]
    for _ in range(2):
        addon_utils.enable(MODULE)
        on = present()
        importlib.import_module(f"{MODULE}.live").session()
        addon_utils.disable(MODULE)
        seen.append(present())
    return {"off": seen, "on": on}


class Layout:
    """Takes whatever is drawn, and notes the text."""

    def __init__(self, said):
        self._said = said

    def __getattr__(self, name):
        if name in ("label", "operator", "prop", "progress"):
            return self._note(name)
        if name in ("row", "column", "box"):
            return lambda **_: Layout(self._said)
        raise AttributeError(name)

    def _note(self, kind):
        def note(*arguments, text="", **_):
            self._said.append([kind, *map(str, arguments[-1:] if kind == "prop" else arguments), text])
            return Layout(self._said)

        return note


def draw():
    """Every panel with jobs in every step, and with nothing at all."""
    live = importlib.import_module(f"{MODULE}.live")
    panels = importlib.import_module(f"{MODULE}.ui.panels")
    state = importlib.import_module(f"{MODULE}.session.state")
    money = importlib.import_module(f"{MODULE}.money").Money("tUSD", 6)
    bpy.context.scene.render.engine = "CYCLES"
    quote = state.Quote((100, 200), (10.0, 20.0), 500, ("2 workers ask.",), money)
    cards = tuple(
        state.JobCard(
            f"{step} job", step, number, b"1" * 32, 1, 2, 3, 6, 90, 500, 12.0, quote, f"Sentence {step}."
        )
        for number, step in enumerate(state.Step)
    )
    live._Here.state = state.State(quote=quote, jobs=cards)
    said = drawn(panels)
    live._Here.state = state.State()
    return {"full": said, "empty": drawn(panels)}


def drawn(panels):
    said = []
    for panel in panels.CLASSES:
        assert panel.poll(bpy.context)
        panel.draw(type("Panel", (), {"layout": Layout(said)})(), bpy.context)
    return said


def account():
    return "0x" + importlib.import_module(f"{MODULE}.live").session().address.hex()


def prepare(url, token, blend):
    bpy.ops.wm.open_mainfile(filepath=blend)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.coordinator, preferences.token = url, token
    bpy.context.scene.tegula.budget = "1"


def render(url, token, blend, picture):
    prepare(url, token, blend)
    before = [bpy.context.scene.render.engine, bpy.data.is_dirty]
    bpy.ops.tegula.test_connection()
    bpy.ops.tegula.quote()
    bpy.context.scene.render.filepath = picture
    answered = bpy.ops.tegula.render()
    state = importlib.import_module(f"{MODULE}.live").session().state
    return {
        "answered": sorted(answered),
        "engine": [before[0], bpy.context.scene.render.engine],
        "sentence": state.jobs[0].sentence,
        "spent": state.jobs[0].spent,
    }


def set_animation(begin):
    scene = bpy.context.scene
    image = scene.render.image_settings
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
    scene.render.filepath, scene.frame_start, scene.frame_end = begin, 1, 3


def animate(url, token, blend, begin):
    prepare(url, token, blend)
    set_animation(begin)
    return sorted(bpy.ops.tegula.render(animation=True))


def resume(url, token, blend, begin, folder):
    """The job of an earlier start: rendered again from what is there, copied, and from another file."""
    prepare(url, token, blend)
    set_animation(begin)
    session = importlib.import_module(f"{MODULE}.live").session()
    (found,) = [card for card in session.state.jobs if "frames" in card.name]
    answers = [sorted(bpy.ops.tegula.resume(handle=found.handle))]
    answers.append(sorted(bpy.ops.tegula.download(handle=found.handle, directory=folder)))
    bpy.ops.wm.read_homefile()
    answers.append(sorted(bpy.ops.tegula.resume(handle=found.handle)))
    return answers


def refuse(url, token, blend):
    """What operators report, in the artist's words."""
    prepare(url, token, blend)
    scene, preferences = bpy.context.scene, bpy.context.preferences.addons[MODULE].preferences
    said = {}

    def attempt(name, call):
        try:
            call()
        except RuntimeError as error:
            said[name] = str(error)

    preferences.token = "wrong"
    attempt("token", bpy.ops.tegula.test_connection)
    attempt("render with a wrong token", bpy.ops.tegula.render)
    preferences.token = token
    preferences.coordinator = "https://example.org"
    attempt("offline", bpy.ops.tegula.test_connection)
    preferences.coordinator = "http://127.0.0.1:9"
    attempt("nobody", bpy.ops.tegula.render)
    preferences.coordinator = url
    scene.tegula.budget = "0.000001"
    attempt("budget", bpy.ops.tegula.render)
    scene.tegula.budget = "99999999"
    attempt("funds", bpy.ops.tegula.render)
    scene.tegula.budget = "1"
    scene.render.use_freestyle = True
    attempt("freestyle", bpy.ops.tegula.render)
    attempt("no job", lambda: bpy.ops.tegula.cancel(handle=99))
    return said


main()
