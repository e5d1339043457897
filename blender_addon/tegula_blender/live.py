"""The extension's session while it is on, and what Blender's side sees of it. Imports bpy.

Panels are drawn many times a second, so they read a `State` that is swapped in four times a second at most,
and only then is anything redrawn.
"""

from pathlib import Path

import bpy

from .session.session import Session
from .session.state import State

PERIOD_SECONDS = 0.25
MEGABYTE = 10**6
PACKAGE = __package__
"""The extension as Blender knows it."""


class _Here:
    session = None
    state = State()
    after = []
    """What is to be done in Blender's thread with each new State; a call that answers True is done."""


def start():
    bpy.app.timers.register(_tick, first_interval=PERIOD_SECONDS, persistent=True)


def stop():
    bpy.app.timers.unregister(_tick)
    _Here.after.clear()
    if _Here.session is not None:
        _Here.session.close()
    _Here.session, _Here.state = None, State()


def session():
    """Made when it is first wanted: whoever has the extension on and does not use it has no account.

    Raises:
        UnusableKey: the account's key cannot be read, or none can be made.
    """
    if _Here.session is None:
        _Here.session = Session(folder(), program(), _keep())
    return _Here.session


def folder():
    """For what the extension keeps, apart from its own files."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def program():
    """The Blender that is started for work beside; None is the bpy module of this Python."""
    return Path(bpy.app.binary_path) if bpy.app.binary_path else None


def state():
    return _Here.state


def preferences():
    return bpy.context.preferences.addons[PACKAGE].preferences


def keep(_preferences=None, _context=None):
    """Lets the session know what the artist has set."""
    if _Here.session is not None:
        _Here.session.keep = _keep()


def when(done):
    """Calls `done` with each new State until it answers True."""
    _Here.after.append(done)


def refresh():
    """Swaps in what the session has come to; for a Blender without a window, whose timers do not run."""
    if _Here.session is None:
        return
    new = _Here.session.state
    if new != _Here.state:
        _Here.state = new
        _redraw()
    for done in tuple(_Here.after):
        if done(new):
            _Here.after.remove(done)


def _keep():
    return preferences().cache * MEGABYTE


def _tick():
    refresh()
    return PERIOD_SECONDS


def _redraw():
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"PROPERTIES", "PREFERENCES"}:
                area.tag_redraw()
