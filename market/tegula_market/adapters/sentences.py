"""How the programs end when a person can put something right: one sentence on stderr, exit status 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tegula_market.model import TegulaError


@contextmanager
def explained(program: str) -> Iterator[None]:
    """Turns TegulaErrors, those out of task groups too, into sentences. Others are our fault and stay."""
    said: list[str] = []
    try:
        yield
    except* TegulaError as group:
        said += map(str, _leaves(group))
    for sentence in said:
        sys.stderr.write(f"{program}: {sentence}\n")
    if said:
        raise SystemExit(2)


def _leaves(group: BaseExceptionGroup[TegulaError]) -> Iterator[TegulaError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
