"""From audits to rates: what was counted, how often it was found, and how sure that is."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scipy import stats

from tegula_market.adapters.statistic import Pair
from verification.cheats import CHEATS, SEEN, Cheat, Goal
from verification.roc import HONEST_OTHER, HONEST_SAME, Audit

Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, by Wilson; takes audits of one tile for independent."""
        if not self.of:
            return 0.0, 1.0
        found = stats.binomtest(self.hits, self.of).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)

    @property
    def at_most(self) -> float:
        """One-sided 95 % bound (Clopper and Pearson 1934)."""
        return float(stats.beta.ppf(0.95, self.hits + 1, self.of - self.hits)) if self.hits < self.of else 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """Of one cheat by one pair of devices."""

    cheat: Cheat
    pair: Pair
    scenes: int
    tiles: int
    """That counted: a whole-tile cheat where it changed any pixel, another where at least SEEN of them."""
    audited: Rate
    """Rejected, of audits."""
    suspected: Rate
    within: Rate
    """Rejected at least once, of groups of so many tiles as the goal says."""
    before: Rate
    """Not accepted by the predecessor, of the same."""

    @property
    def reached(self) -> bool:
        return self.within.share >= self.cheat.goal.rate


@dataclass(frozen=True, slots=True)
class Honest:
    case: str
    tiles: int
    """Different ones; each was audited with several salts."""
    rejected: Rate
    suspected: Rate
    confirmable: Rate
    """Tiles that a second look alone would reject, suspected or not."""
    before: Rate


def found(audits: Sequence[Audit]) -> list[Found]:
    by = _grouped(audits, lambda audit: (audit.case, audit.pair))
    return [
        _found(cheat, pair, [audit for audit in by[cheat.name, pair] if counts(audit, cheat.goal)])
        for cheat in CHEATS
        for pair in (Pair.SAME, crossed(audits))
    ]


def crossed(audits: Sequence[Audit]) -> Pair:
    """What worker and verifier are where they are not of one kind."""
    return next((audit.pair for audit in audits if audit.pair is not Pair.SAME), Pair.CPU)


def honest(audits: Sequence[Audit], threshold: float) -> list[Honest]:
    """Args:
    threshold: of a confirmation.
    """
    return [
        Honest(
            case,
            len({(audit.scene, audit.tile, audit.run) for audit in mine}),
            _rate(audit.rejected for audit in mine),
            _rate(audit.suspected for audit in mine),
            _rate(audit.confirm >= threshold for audit in mine if audit.salt == 0),
            _rate(not audit.accepted_before for audit in mine if audit.accepted_before is not None),
        )
        for case in (HONEST_SAME, HONEST_OTHER)
        if (mine := [audit for audit in audits if audit.case == case])
    ]


def counts(audit: Audit, goal: Goal) -> bool:
    return audit.changed > 0 if goal is Goal.WHOLE else audit.changed >= SEEN


def _found(cheat: Cheat, pair: Pair, audits: Sequence[Audit]) -> Found:
    return Found(
        cheat,
        pair,
        len({audit.scene for audit in audits}),
        len({(audit.scene, audit.tile) for audit in audits}),
        _rate(audit.rejected for audit in audits),
        _rate(audit.suspected for audit in audits),
        _rate(any(audit.rejected for audit in group) for group in _groups(audits, cheat.goal.tiles)),
        _rate(not audit.accepted_before for audit in audits if audit.accepted_before is not None),
    )


def _groups(audits: Sequence[Audit], size: int) -> Iterator[Sequence[Audit]]:
    """Full groups of different tiles of one scene, with one salt number."""
    for mine in _grouped(audits, lambda audit: (audit.scene, audit.salt)).values():
        for start in range(0, len(mine) - size + 1, size):
            yield mine[start : start + size]


def _grouped(
    audits: Iterable[Audit], key: Callable[[Audit], tuple[object, ...]]
) -> dict[tuple[object, ...], list[Audit]]:
    groups: dict[tuple[object, ...], list[Audit]] = defaultdict(list)
    for audit in audits:
        groups[key(audit)].append(audit)
    return groups


def _rate(answers: Iterable[bool]) -> Rate:
    listed = list(answers)
    return Rate(sum(listed), len(listed))
