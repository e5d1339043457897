"""The catalogue: how a worker would save itself work, or spoil a tile, and which share of it we must find."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from numpy.random import Generator

from tegula_market.model import Rect, Scene
from verification import paints
from verification.picture import Picture

Paint = Callable[[Picture, Rect, Generator], Picture]
"""paint(frame, rect, random): the tile that is delivered, made of the honest frame."""


class Goal(Enum):
    """Share of audited tiles that must be found, over so many tiles of one worker."""

    WHOLE = (0.999, 1)
    PART = (0.95, 1)
    """Where at least SEEN of the tile's pixels are changed."""
    PATCH = (0.95, 4)
    NONE = (0.0, 1)
    """In the catalogue to show what is not found."""

    @property
    def rate(self) -> float:
        return self.value[0]

    @property
    def tiles(self) -> int:
        return self.value[1]


SEEN = 0.01


class Finish(StrEnum):
    """What is done to the whole frame after it was rendered."""

    NOTHING = ""
    ENLARGED = "enlarged"
    DENOISED = "denoised"


@dataclass(frozen=True, slots=True)
class Cheat:
    name: str
    goal: Goal
    edit: str = ""
    """Of the .blend, one of `edits`."""
    order: Callable[[Scene], Scene] = lambda scene: scene
    """What the renderer is told instead."""
    frame: int = 0
    """Added to the frame's number."""
    finish: Finish = Finish.NOTHING
    paint: Paint | None = None
    """Instead of a render."""


def _spp(share: float) -> Callable[[Scene], Scene]:
    return lambda scene: replace(scene, spp=max(1, int(scene.spp * share)))


def _patches(share: float, goal: Goal) -> tuple[Cheat, ...]:
    return tuple(
        Cheat(f"patch of {share:.0%}, {kind}", goal, paint=paints.patch(share, fill))
        for kind, fill in (("flat", paints.flat), ("blurred", paints.blurred), ("neighbour", paints.copied))
    )


RENDERED = (
    Cheat("one sample less", Goal.WHOLE, order=lambda scene: replace(scene, spp=max(1, scene.spp - 1))),
    Cheat("half the samples", Goal.WHOLE, order=_spp(1 / 2)),
    Cheat("a quarter of the samples", Goal.WHOLE, order=_spp(1 / 4)),
    Cheat("one sample", Goal.WHOLE, order=_spp(0)),
    Cheat("a quarter, denoised", Goal.WHOLE, "denoised", _spp(1 / 4), finish=Finish.DENOISED),
    Cheat(
        "half resolution, enlarged",
        Goal.WHOLE,
        order=lambda scene: replace(scene, percentage=scene.percentage // 2),
        finish=Finish.ENLARGED,
    ),
    Cheat("another seed", Goal.WHOLE, order=lambda scene: replace(scene, seed=scene.seed + 1)),
    Cheat("at most 4 bounces", Goal.PART, "bounces_4"),
    Cheat("one bounce less", Goal.PART, "bounce_less"),
    Cheat("indirect light clamped to 1", Goal.PART, "clamped"),
    Cheat("a missing object", Goal.PART, "missing"),
    Cheat("a missing texture", Goal.PART, "texture"),
    Cheat("a replaced material", Goal.PART, "replaced"),
    Cheat("the frame beside it", Goal.PART, "animated", frame=1),
)
PAINTED = (
    Cheat("another worker's tile", Goal.WHOLE, paint=paints.other_tile),
    Cheat("shifted by a pixel", Goal.WHOLE, paint=paints.shifted),
    Cheat("quantised to 8 bits", Goal.WHOLE, paint=paints.quantised),
    Cheat("clipped to 1.0", Goal.PART, paint=paints.clipped),
    Cheat("alpha dropped", Goal.PART, paint=paints.opaque),
    Cheat("one pass faked", Goal.PART, paint=paints.pass_faked),
    Cheat("red and blue swapped", Goal.PART, paint=paints.swapped),
    Cheat("noise of 0.01", Goal.WHOLE, paint=paints.noisy(1e-2)),
    Cheat("noise of 0.001", Goal.WHOLE, paint=paints.noisy(1e-3)),
    *_patches(0.01, Goal.NONE),
    *_patches(0.05, Goal.NONE),
    *_patches(0.10, Goal.PATCH),
    *_patches(0.25, Goal.PATCH),
)
CHEATS = (*RENDERED, *PAINTED)
