"""Asking a coordinator that may be away, without keeping the thread from other jobs."""

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from tegula_market.adapters.blobs import Away

from ..client import TooOften, Unreachable
from .words import sentence

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Each `yield` lets the thread turn to something else."""

AWAY = Unreachable, Away, TooOften
"""Of them TooOften is there, and wants to be left alone for a while."""
PAUSES = 0.25, 5.0
"""First and longest pause before a coordinator that is away is asked again; each is twice the one before."""
LONGEST_REST = 60.0
"""Seconds for which a coordinator that asks for it is left alone: a minute's count has ended then."""


def asking(call: Callable[[], T], say: Callable[[str], None]) -> Steps[T]:
    """Calls until somebody answers; what is answered, a no among it, is final, but for one that passes.

    Args:
        call: safe to repeat.
        say: hears why it takes so long, and "" once it is over.
    """
    pause, waited = PAUSES[0], False
    while True:
        try:
            answer = call()
        except AWAY as error:
            say(f"{sentence(error)} It is asked again; workers go on meanwhile.")
            waited = True
            asked = 0.0 if isinstance(error, Unreachable) else error.retry_after
            yield from resting(max(pause, min(asked, LONGEST_REST)))
            pause = min(2 * pause, PAUSES[1])
        else:
            if waited:
                say("")
            return answer


def resting(seconds: float) -> Steps[None]:
    """Turns to something else at least once."""
    until = time.monotonic() + seconds
    yield
    while time.monotonic() < until:
        yield
