"""Where a render engine waits for what workers deliver: one for a job, filled by the session's thread.

The engine runs in a thread of Blender's, frame after frame; it sees a frame's tiles as they come, and in the
end the whole frame as a file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from tegula_market.model import Rect, TegulaError


class Stopped(TegulaError):
    """The job has ended without this frame; the message says why, in the artist's words."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A tile's pixels, as much of them as is shown before the frame is whole."""

    rect: Rect
    """In pixels of what is rendered: of the frame, or of the region alone if it is cropped."""
    layers: dict[str, NDArray[np.float32]]
    """By view layer, float32[height, width, 4]: scene-linear RGBA, the origin at the top left."""


@dataclass(slots=True)
class _Frame:
    patches: list[Patch] = field(default_factory=list)
    whole: Path | None = None


class Delivery:
    """
    Args:
        cancel: ends the job; called once, from Blender's main thread, after the artist has pressed Esc.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._changed = Condition()
        self._frames: dict[int, _Frame] = {}
        self._ended: str | None = None
        self._cancel = cancel
        self.status = ""
        """One line for the render window: tiles, price, time left."""
        self.progress = 0.0

    def cancel(self) -> None:
        self._cancel()

    def give(self, frame: int, patch: Patch) -> None:
        with self._changed:
            self._frames.setdefault(frame, _Frame()).patches.append(patch)
            self._changed.notify_all()

    def finish(self, frame: int, whole: Path) -> None:
        """The frame's multilayer EXR with all passes, denoised where the scene wants that."""
        with self._changed:
            self._frames.setdefault(frame, _Frame()).whole = whole
            self._changed.notify_all()

    def end(self, sentence: str) -> None:
        """No frame is finished any more; those that are can still be taken."""
        with self._changed:
            self._ended = sentence
            self._changed.notify_all()

    def take(self, frame: int, seconds: float) -> tuple[list[Patch], Path | None]:
        """New patches of a frame, each given once, and the whole frame if it is there.

        Returns after `seconds` at the latest, with nothing, so that the caller can look for Esc.

        Raises:
            Stopped: the frame does not come any more.
        """
        with self._changed:
            mine = self._frames.setdefault(frame, _Frame())
            self._changed.wait_for(
                lambda: mine.patches or mine.whole is not None or self._ended is not None, seconds
            )
            patches, mine.patches = mine.patches, []
            if not patches and mine.whole is None and self._ended is not None:
                raise Stopped(self._ended)
            return patches, mine.whole
