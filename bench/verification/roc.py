"""Audits every tile of a scene under every cheat, again and again with other salts; honest ones, too."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tegula_market import probes, tiling
from tegula_market.adapters.statistic import Pair
from tegula_market.model import Digest, Rect, Scene
from verification import judge, predecessor
from verification.cheats import PAINTED
from verification.judge import Decision
from verification.picture import Picture, differs
from verification.renders import SEEDS, Renders, tiles

HONEST_SAME, HONEST_OTHER = "honest, same kernel", "honest, other kernel"
ARBITER = SEEDS[-1]
"""The seed of the predecessor's re-render: none that a cheat uses."""
ASKED = 3
"""Salts with which the predecessor is asked; each costs as much as ten audits of ours."""


@dataclass(frozen=True, slots=True)
class Audit:
    scene: str
    tile: int
    run: int
    """Which of several honest renders of the tile; 0 for a cheat."""
    salt: int
    case: str
    """A cheat's name, or one of the honest."""
    pair: Pair
    changed: float
    """Share of the tile's pixels that differ in some bit from the honest tile of the same kernel."""
    screen: float
    confirm: float
    suspected: bool
    rejected: bool
    accepted_before: bool | None
    """By the predecessor; None where it was not asked."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    pair: Pair
    deliver: Callable[[Rect, Generator], Picture]
    """The worker's tile."""
    honest: Picture
    """What it should be, on the worker's kernel."""
    want: Picture
    """The verifier's frame."""
    twin: tuple[Picture, Picture]
    """The verifier's twin and what it is held against."""
    arbiter: Picture
    run: int = 0
    painted: bool = False
    """Another image with every salt."""


def audits(renders: Renders, salts: int) -> Iterator[Audit]:
    rects = tiles(renders.subject.scene)
    for case in (*_honest(renders), *_cheats(renders)):
        known = judge.furthest(*case.twin, rects)
        for index, rect in enumerate(rects):
            yield from _of_tile(renders, case, known, index, rect, salts)


def _honest(renders: Renders) -> Iterator[_Case]:
    """Of another kernel each seed and both directions, against a twin.

    Where there are two kernels only, a twin of the same seed would be the worker's very tile. With another
    seed it strays as far, but by chance of its own. Beside a card every verifier's twin is the third.
    """
    arbiter = renders.honest["here", ARBITER]
    third = ("twin", SEEDS[0]) in renders.honest
    twin = renders.honest["twin" if third else "other", SEEDS[0]], renders.truth
    yield _case(HONEST_SAME, Pair.SAME, renders.again, renders.truth, twin, arbiter)
    for at, seed in enumerate(SEEDS):
        for way, (mine, theirs) in enumerate((("other", "here"), ("here", "other"))):
            of = SEEDS[at - 1]
            strayed, at_seed = ("twin", seed) if third else (mine, of)
            twin = renders.honest[strayed, at_seed], renders.honest[theirs, at_seed]
            frame, want = renders.honest[mine, seed], renders.honest[theirs, seed]
            before = renders.honest["here", of]
            yield _case(HONEST_OTHER, renders.pair, frame, want, twin, before, run=2 * at + way)


def _cheats(renders: Renders) -> Iterator[_Case]:
    """The worker is always on its kernel; the verifier on the same, then on the other."""
    here, other = renders.truth, renders.honest["other", SEEDS[0]]
    twin_here = renders.honest.get(("twin", SEEDS[0]), other)
    twin_other = renders.honest.get(("twin", SEEDS[0]), here)
    arbiter = renders.honest["here", ARBITER]
    verifiers = (Pair.SAME, here, (twin_here, here)), (renders.pair, other, (twin_other, other))
    for pair, want, twin in verifiers:
        for name, frame in renders.cheats.items():
            yield _Case(name, pair, lambda rect, _, frame=frame: frame.cut(rect), here, want, twin, arbiter)
        for cheat in PAINTED:
            deliver = lambda rect, random, cheat=cheat: cheat.paint(here, rect, random)  # noqa: E731
            yield _Case(cheat.name, pair, deliver, here, want, twin, arbiter, painted=True)


def _case(
    name: str,
    pair: Pair,
    frame: Picture,
    want: Picture,
    twin: tuple[Picture, Picture],
    arbiter: Picture,
    run: int = 0,
) -> _Case:
    return _Case(name, pair, lambda rect, _: frame.cut(rect), frame, want, twin, arbiter, run)


def _of_tile(
    renders: Renders, case: _Case, known: tuple[float, ...], index: int, rect: Rect, salts: int
) -> Iterator[Audit]:
    name, scene = renders.subject.name, renders.subject.scene
    want, honest, arbiter = case.want.cut(rect), case.honest.cut(rect), case.arbiter.cut(rect)
    twin, twin_of = (picture.cut(rect) for picture in case.twin)
    strayed = judge.stray(twin, twin_of)
    confirmed: float | None = None
    for salt in range(salts):
        words = f"{name}/{index}/{case.name}/{case.pair}/{case.run}/{salt}"
        random = np.random.default_rng(list(words.encode()))
        got = case.deliver(rect, random)
        changed = float(differs(got, honest).mean())
        if not changed and "honest" not in case.name:
            return  # nothing to be found here
        screened = judge.screen(got, want, probes_of(rect, scene, words), case.pair, known)
        if case.painted or confirmed is None:
            confirmed = judge.confirm(got, want, strayed, case.pair)
        decision = Decision(screened, confirmed, judge.broken(strayed, judge.area(want)))
        asked = salt < ASKED and (case.pair is Pair.SAME or "honest" in case.name)
        before = predecessor.accepts(got, arbiter, random) if asked else None
        yield Audit(
            name, index, case.run, salt, case.name, case.pair, changed, screened, confirmed,
            decision.suspected, decision.rejected, before,
        )  # fmt: skip


def probes_of(rect: Rect, scene: Scene, words: str) -> tuple[Rect, ...]:
    """In pixels of the tile, placed as for a real one.

    Args:
        words: stand for the salt and the image's digest.
    """
    seed = hashlib.blake2b(words.encode()).digest()
    overscan = probes.overscan(tiling.overscan_for(scene.adaptive, scene.spp))
    placed = probes.place(seed[:32], Digest(seed[32:]), rect, probes.plan(rect, overscan, scene.spp))
    return tuple(probe.moved(-rect.x0, -rect.y0) for probe in placed)
