from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from tegula_blender.session.delivery import Delivery, Patch, Stopped
from tegula_market.model import Rect

WHOLE = Path("frame.exr")


def patch(x: int) -> Patch:
    return Patch(Rect(x, 0, x + 2, 1), {"ViewLayer": np.zeros((1, 2, 4), np.float32)})


def delivery() -> Delivery:
    return Delivery(cancel=lambda: None)


def test_patches_are_given_once_and_the_frame_stays() -> None:
    made, first, second = delivery(), patch(0), patch(2)
    made.give(1, first)
    made.give(1, second)
    assert made.take(1, 0) == ([first, second], None)
    assert made.take(1, 0) == ([], None)
    made.finish(1, WHOLE)
    assert made.take(1, 60) == ([], WHOLE)
    assert made.take(1, 60) == ([], WHOLE)


def test_frames_are_apart() -> None:
    made = delivery()
    made.finish(2, WHOLE)
    assert made.take(1, 0) == ([], None)
    assert made.take(2, 60) == ([], WHOLE)


def test_a_waiting_engine_is_woken() -> None:
    made, got = delivery(), []
    waiting = Thread(target=lambda: got.append(made.take(1, 60)))
    waiting.start()
    made.finish(1, WHOLE)
    waiting.join(30)
    assert got == [([], WHOLE)]


def test_the_end_stops_what_is_not_there_only() -> None:
    made, last = delivery(), patch(0)
    made.finish(1, WHOLE)
    made.give(2, last)
    made.end("The budget is spent; raise it and resume.")
    assert made.take(1, 60) == ([], WHOLE)
    assert made.take(2, 60) == ([last], None)
    with pytest.raises(Stopped, match="raise it"):
        made.take(2, 60)


def test_esc_reaches_the_session() -> None:
    pressed: list[bool] = []
    Delivery(cancel=lambda: pressed.append(True)).cancel()
    assert pressed == [True]
