"""What the artist can do. Imports bpy.

Each operator has an `execute` that is over when its work is, for scripts and a Blender without a window, and
where that takes long an `invoke` that returns at once.
"""

import ipaddress
import shutil
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from tegula_market.model import TegulaError

from .. import live, packing, pilot, stand_in
from ..session.requesting import Request
from ..session.state import Step
from . import words

GLANCE_SECONDS = 0.05
OFFLINE = "Blender may not go online: switch on Preferences > System > Network > Allow Online Access."
WIDTH = 60
"""Letters of a line in a dialog."""


class Refused(TegulaError):
    """What cannot be done, in the artist's words."""


class _Operator:
    """Turns what goes wrong into a report."""

    def invoke(self, context, _event):
        return self._guarded(self.begin, context)

    def execute(self, context):
        return self._guarded(self.act, context)

    def begin(self, context):
        return self.act(context)

    def _guarded(self, call, context):
        try:
            call(context)
        except (TegulaError, RuntimeError) as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class TEGULA_OT_test_connection(_Operator, bpy.types.Operator):
    bl_idname = "tegula.test_connection"
    bl_label = "Test Connection"
    bl_description = "Ask the coordinator who is there, and what your account has"

    def begin(self, _context):
        live.session().test(*_where())

    def act(self, context):
        before = live.session().state.connection
        self.begin(context)
        found = _until(lambda state: state.connection if state.connection is not before else None)
        if not found.ok:
            raise Refused(found.sentence)
        self.report({"INFO"}, found.sentence)


class TEGULA_OT_quote(_Operator, bpy.types.Operator):
    bl_idname = "tegula.quote"
    bl_label = "Quote"
    bl_description = (
        "What the current frame would cost and how long it would take; a part of it is tried here"
    )

    def begin(self, context):
        live.session().quote(*_where(), _request(context.scene, animation=False))

    def act(self, context):
        before = live.session().state
        self.begin(context)
        state = _until(lambda state: state if state.quoted != before.quoted else None)
        if state.quote is None:
            raise Refused(state.problem)
        self.report({"INFO"}, f"{words.price(state.quote)}, {words.time(state.quote)}")


class TEGULA_OT_render(_Operator, bpy.types.Operator):
    bl_idname = "tegula.render"
    bl_label = "Render on Tegula"
    bl_description = "Have the scene rendered by other people's computers, for a price that you see before"

    animation: BoolProperty(name="Animation", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        if context.scene.render.engine != "CYCLES":
            cls.poll_message_set("Tegula renders with Cycles; choose it as the render engine")
            return False
        return not bpy.app.is_job_running("RENDER")

    def begin(self, context):
        handle = self._submit(context)
        live.when(partial(_ask, handle, self.animation))

    def act(self, context):
        session, handle = live.session(), self._submit(context)
        _until(lambda state: _quoted(state, handle))
        session.agree(handle)
        with stand_in.standing_in(context.scene, session.delivery(handle)):
            bpy.ops.render.render(animation=self.animation, write_still=not self.animation)
        card = _until(lambda state: _over(state, handle))
        if card.step is not Step.DONE:
            raise Refused(card.sentence)
        self.report({"INFO"}, card.sentence)

    def _submit(self, context):
        where = _where()
        return live.session().submit(*where, _request(context.scene, animation=self.animation))


class TEGULA_OT_agree(_Operator, bpy.types.Operator):
    bl_idname = "tegula.agree"
    bl_label = "Render on Tegula"
    bl_options = {"INTERNAL"}

    handle: IntProperty(options={"SKIP_SAVE", "HIDDEN"})
    animation: BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context, _event):
        return context.window_manager.invoke_props_dialog(self, width=440, confirm_text="Render")

    def draw(self, _context):
        card = _card(live.state(), self.handle)
        if card is None or card.quote is None:
            return
        quote, column = card.quote, self.layout.column()
        column.label(text=f"{words.price(quote)}, {words.time(quote)}", icon="INFO")
        column.label(text=f"At most {quote.money.text(quote.budget)}; the rest comes back.", icon="BLANK1")
        for reason in quote.reasons:
            for at, line in enumerate(words.wrapped(reason, WIDTH)):
                column.label(text=line, icon="BLANK1" if at else "DOT")

    def act(self, context):
        session = live.session()
        session.agree(self.handle)
        stand_in.start(context.scene, session.delivery(self.handle), animation=self.animation)

    def cancel(self, _context):
        live.session().cancel(self.handle)


class TEGULA_OT_cancel(_Operator, bpy.types.Operator):
    bl_idname = "tegula.cancel"
    bl_label = "Cancel Job"
    bl_description = "Render no more tiles; what is accepted is paid, the rest of the deposit comes back"

    handle: IntProperty(options={"SKIP_SAVE"})

    def act(self, _context):
        live.session().cancel(_known(self.handle))


class TEGULA_OT_resume(_Operator, bpy.types.Operator):
    bl_idname = "tegula.resume"
    bl_label = "Resume Job"
    bl_description = "Fetch what was rendered meanwhile, wait for the rest, and finish it here"

    handle: IntProperty(options={"SKIP_SAVE"})

    def begin(self, context):
        frames = self._resume(context)
        if self._of_this_file():
            delivery = live.session().delivery(self.handle)
            stand_in.start(context.scene, delivery, animation=len(frames) > 1)
        else:
            self.report({"INFO"}, "This job is of another file: its frames are fetched, for you to download.")

    def act(self, context):
        frames = self._resume(context)
        if self._of_this_file():
            with stand_in.standing_in(context.scene, live.session().delivery(self.handle)):
                bpy.ops.render.render(animation=len(frames) > 1, write_still=len(frames) == 1)
        card = _until(lambda state: _over(state, self.handle))
        if card.step is not Step.DONE:
            raise Refused(card.sentence)

    def _resume(self, context):
        session, scene = live.session(), context.scene
        frames = session.frames(_known(self.handle))
        if not frames:
            raise Refused("No deposit was paid for this job, so nothing was rendered; render it again.")
        if self._of_this_file():
            _check_frames(scene, frames)
        _, token = _where()
        session.resume(self.handle, token)
        return frames

    def _of_this_file(self):
        return _card(live.session().state, self.handle).name.startswith(f"{_file_name()}, ")


class TEGULA_OT_download(_Operator, bpy.types.Operator):
    bl_idname = "tegula.download"
    bl_label = "Download Frames"
    bl_description = "Copy a job's stitched frames, multilayer EXR with all passes, into a folder"

    handle: IntProperty(options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def act(self, _context):
        kept = live.session().kept(_known(self.handle))
        if not kept:
            raise Refused("No frame of this job is here yet; resume it first.")
        for path in kept:
            target = Path(bpy.path.abspath(self.directory)) / path.name
            if target.exists():
                raise Refused(f"{target} is there already; choose another folder.")
        for path in kept:
            shutil.copy(path, bpy.path.abspath(self.directory))
        self.report({"INFO"}, f"{len(kept)} frames are in {self.directory}")


class TEGULA_OT_copy_account(_Operator, bpy.types.Operator):
    bl_idname = "tegula.copy_account"
    bl_label = "Copy Account"
    bl_description = "Copy your account's address, to top it up"

    def act(self, context):
        context.window_manager.clipboard = "0x" + live.session().address.hex()


def _where():
    """The coordinator's address and the token."""
    chosen = live.preferences()
    url, token = chosen.coordinator.strip().rstrip("/"), chosen.token.strip()
    if not bpy.app.online_access and not _is_loopback(url):
        raise Refused(OFFLINE)
    if not url.startswith(("http://", "https://")) or not token:
        raise Refused("Name a coordinator and a token in Preferences > Add-ons > Tegula.")
    return url, token


def _is_loopback(url):
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_frames(scene, frames):
    """Raises: Refused: Blender would render others than a job has."""
    if len(frames) == 1 and scene.frame_current != frames[0]:
        raise Refused(f"This job is of frame {frames[0]}; go there, then resume it.")
    if len(frames) > 1 and not set(frames) <= set(_range(scene)):
        raise Refused(
            f"This job is of frames {frames[0]} to {frames[-1]}; set them in Output, then resume it."
        )


def _file_name():
    return Path(bpy.data.filepath).name or "untitled"


def _request(scene, *, animation):
    """Raises: Refused: there is nothing to render."""
    frames = _wanted(scene) if animation else (scene.frame_current,)
    if not frames:
        raise Refused("Every frame has its file already; switch on Overwrite in Output to render them again.")
    scratch, chosen = live.session().scratch(), scene.tegula
    span = f"frame {frames[0]}" if len(frames) == 1 else f"frames {frames[0]} to {frames[-1]}"
    return Request(
        name=f"{_file_name()}, {span}",
        answer=packing.pack_open(scratch),
        scratch=scratch,
        frames=tuple(frames),
        budget=chosen.budget,
        deadline_seconds=chosen.deadline * 3600,
        tile=chosen.tile if chosen.tiles == "FIXED" else None,
        pilot=None if bpy.app.background else pilot.preferred_device(scene),
    )


def _range(scene):
    return range(scene.frame_start, scene.frame_end + 1, scene.frame_step)


def _wanted(scene):
    """What Blender would render: it passes over a frame whose file is there, unless it may overwrite it."""
    if scene.render.use_overwrite or scene.render.is_movie_format:
        return list(_range(scene))
    return [frame for frame in _range(scene) if not Path(scene.render.frame_path(frame=frame)).exists()]


def _known(handle):
    if _card(live.session().state, handle) is None:
        raise Refused("There is no such job here.")
    return handle


def _card(state, handle):
    return next((card for card in state.jobs if card.handle == handle), None)


def _quoted(state, handle):
    card = _card(state, handle)
    if card.step.over:
        raise Refused(card.sentence)
    return card if card.step is Step.QUOTED else None


def _over(state, handle):
    card = _card(state, handle)
    return card if card.step.over else None


def _until(found):
    """What `found` makes of the session's state, as soon as it makes something of it."""
    while True:
        live.refresh()
        answer = found(live.session().state)
        if answer is not None:
            return answer
        time.sleep(GLANCE_SECONDS)


def _ask(handle, animation, state):
    """Shows the quote as soon as it is there; or why there is none."""
    card = _card(state, handle)
    if card is None or card.step.over:
        if card is not None and card.step is Step.FAILED:
            _tell(card.sentence)
        return True
    if card.step is not Step.QUOTED:
        return False
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.tegula.agree("INVOKE_DEFAULT", handle=handle, animation=animation)
    return True


def _tell(sentence):
    def draw(menu, _context):
        for line in words.wrapped(sentence, WIDTH):
            menu.layout.label(text=line)

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="Not rendered on Tegula", icon="ERROR")


CLASSES = (
    TEGULA_OT_test_connection,
    TEGULA_OT_quote,
    TEGULA_OT_render,
    TEGULA_OT_agree,
    TEGULA_OT_cancel,
    TEGULA_OT_resume,
    TEGULA_OT_download,
    TEGULA_OT_copy_account,
)


def register():
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister():
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
