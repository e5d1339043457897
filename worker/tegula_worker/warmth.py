"""Where a tile is rendered, and which scenes stay warm: choices over what the pool says of itself. Pure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
"""A scene as it is rendered: the file, and what the order pins."""


@dataclass(frozen=True, slots=True)
class Held(Generic[S]):
    """A scene in a device's memory."""

    scene: S
    size: int
    """Bytes of the process that holds it."""
    used: int
    """Counts up with every tile of the pool."""


@dataclass(frozen=True, slots=True)
class Shelf(Generic[S]):
    """What one device holds."""

    busy: bool
    """It renders; the scene used last is the one that it renders."""
    held: tuple[Held[S], ...] = ()

    @property
    def last(self) -> Held[S] | None:
        return max(self.held, key=lambda held: held.used, default=None)


def choose(shelves: Sequence[Shelf[S]], scene: S, barred: frozenset[int] = frozenset()) -> int | None:
    """The free device that renders a tile of a scene; None while there is none.

    One that holds the scene comes first; then the one that would lose least, the best of the equal ones. A
    device that is free never waits for one that is warm: a job wants all of them.

    Args:
        barred: devices that do not come into question.
    """
    free = [n for n, shelf in enumerate(shelves) if not shelf.busy and n not in barred]
    return min(free, key=lambda n: _cost(shelves[n], scene), default=None)


def surplus(shelves: Sequence[Shelf[S]], budget: int) -> list[tuple[int, S]]:
    """What has to go so that all that is held fits the budget: what was not used for longest, first.

    The scene that a device has used last stays whatever its size: the next tile is likely to be of it.
    """
    idle = [
        (held.used, held.size, n, held.scene)
        for n, shelf in enumerate(shelves)
        for held in shelf.held
        if held is not shelf.last
    ]
    excess = sum(held.size for shelf in shelves for held in shelf.held) - budget
    gone: list[tuple[int, S]] = []
    for _, size, n, scene in sorted(idle, key=lambda each: each[0]):
        if excess <= 0:
            break
        excess -= size
        gone.append((n, scene))
    return gone


def _cost(shelf: Shelf[S], scene: S) -> tuple[bool, int]:
    return all(held.scene != scene for held in shelf.held), shelf.last.used if shelf.last else 0
