"""A disk that is full, wherever it is noticed: it passes, and is nobody's fault but this machine's."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tegula_market.model import TegulaError

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class NoRoom(TegulaError):
    """Something was not written since there is no room for it."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """
    Raises:
        NoRoom: instead of whatever came of a full disk inside. All else stays.
    """
    try:
        yield
    except (OSError, TegulaError) as error:
        if not is_full(error):
            raise
        raise NoRoom(f"{what}: this machine's disk is full") from error


def is_full(error: BaseException | None) -> bool:
    """Whether a full disk is behind it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False
