"""Puts the engine in Cycles' place for the length of a render, and puts everything back. Imports bpy.

The class must not outlive its use: a process that leaves with it registered hangs.
"""

from contextlib import contextmanager

import bpy

from .engine import TegulaRender

LOOK_SECONDS = 0.05
_renders = []
"""The render that goes on, if one does."""


@contextmanager
def standing_in(scene, delivery):
    """For renders that are over when their operator returns: in a Blender without a window."""
    render = _Render(scene, delivery)
    try:
        yield render
    finally:
        render.end()


def start(scene, delivery, **options):
    """Begin a render as F12 does, in Blender's own thread and window; it goes on when this returns.

    Args:
        options: of `bpy.ops.render.render`.
    Raises:
        RuntimeError: Blender renders nothing; its sentence says why.
    """
    if _renders or bpy.app.is_job_running("RENDER"):
        raise RuntimeError("Blender is rendering already; wait until it is done, or press Esc in its window.")
    render = _Render(scene, delivery)
    try:
        begun = bpy.ops.render.render("INVOKE_DEFAULT", **options)
    except RuntimeError:
        render.end()
        raise
    if "RUNNING_MODAL" not in begun:
        render.end()
        return
    _renders.append(render)
    # A file that is opened meanwhile ends the render, but not all that has to be put back.
    bpy.app.timers.register(_look, first_interval=LOOK_SECONDS, persistent=True)


def leave():
    """For when the extension is turned off, or Blender ends; the job goes on without this Blender."""
    TegulaRender.abandoned = True
    if _renders and _look() is None:
        bpy.app.timers.unregister(_look)


def _look():
    (render,) = _renders
    if render.copied:
        render.restore()
    if bpy.app.is_job_running("RENDER"):
        return LOOK_SECONDS
    _renders.clear()
    render.end()
    return None


class _Render:
    """What a render has changed.

    When it begins, Blender copies the scene's render settings and from then on looks at the copy. So the
    scene's own can be put back at once: whatever is shown, saved or saved automatically while the render goes
    on is as the artist has it.
    """

    def __init__(self, scene, delivery):
        self._delivery, self._scene = delivery, scene.session_uid
        self._before = {"engine": scene.render.engine, "use_border": scene.render.use_border}
        self.copied = self.cancelled = False
        self._handlers = {"render_pre": self._pre, "render_cancel": self._cancel, "load_pre": self._load}
        for name, handler in self._handlers.items():
            getattr(bpy.app.handlers, name).append(handler)
        TegulaRender.delivery, TegulaRender.abandoned = delivery, False
        bpy.utils.register_class(TegulaRender)
        scene.render.engine = TegulaRender.bl_idname
        # An uncropped region comes in a frame of full size. Blender widens a region's render to such a frame
        # before it composites, so what follows is the same.
        scene.render.use_border = scene.render.use_border and scene.render.use_crop_to_border

    def restore(self):
        for scene in bpy.data.scenes:
            if scene.session_uid == self._scene:
                for name, value in self._before.items():
                    setattr(scene.render, name, value)
        self._before = {}

    def end(self):
        for name, handler in self._handlers.items():
            there = getattr(bpy.app.handlers, name)
            if handler in there:  # opening a file clears them
                there.remove(handler)
        self.restore()
        bpy.utils.unregister_class(TegulaRender)
        TegulaRender.delivery = None
        if self.cancelled and not TegulaRender.abandoned:
            self._delivery.cancel()

    def _pre(self, *_):
        self.copied = True

    def _cancel(self, *_):
        self.cancelled = True

    def _load(self, *_):
        TegulaRender.abandoned = True
