"""Every way to cheat that is known, played for thousands of tiles: each earns less than honest work.

The batches, the lots and the places of the probes are the real ones; whether a probe that lies on a forged
pixel shows it is taken for certain, as it is for pixels that are off at all (make verify-bench measures it).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import pytest

from tegula_market import audit, probes
from tegula_market.audit import Record
from tegula_market.digests import digest
from tegula_market.model import LeaseId, Rect, Wei

COST = 0.75
"""Of rendering a tile honestly, in shares of its price: power and wear."""
TILES, JOBS = 40, 150
WHOLE = 0.99
"""What an audit finds of tiles with a sample too few, over all scenes: the worst that was measured is less in
flat tiles, where a sample more or less changes nothing."""
TILE = Rect(0, 0, 64, 64)
PLAN = probes.plan(TILE, 0, 64)

Fake = Callable[["Worker", int], float]
"""Which share of a tile's pixels a worker forges, of the tile of that number in the job."""


@dataclass
class Worker:
    fake: Fake
    record: Record = field(default_factory=Record)
    fresh: bool = False
    """It comes back under another name once it is rejected."""
    profit: float = 0.0
    delivered: int = 0
    rejected: int = 0
    batch: dict[LeaseId, tuple[int, float]] = field(default_factory=dict)
    """Price and forged share of what waits."""


@cache
def detection(share: float) -> float:
    """Of a forged square somewhere in the tile, by the real places of probes."""
    if share >= 1:
        return WHOLE
    edge, chance = round((share * TILE.area) ** 0.5), random.Random(5)
    met = 0
    for n in range(400):
        x, y = (chance.randrange(TILE.width - edge + 1) for _ in range(2))
        placed = probes.place(n.to_bytes(32, "big"), digest(b"image"), TILE, PLAN)
        met += any(p.x0 < x + edge and p.x1 > x and p.y0 < y + edge and p.y1 > y for p in placed)
    return met / 400


def play(worker: Worker, seed: int) -> float:
    """Profit for each tile delivered, in its price."""
    chance, total = random.Random(seed), 0
    for job in range(JOBS):
        for tile in range(TILES):
            price = 100 if tile % 8 else 20  # the last tile of a row is small
            forged = worker.fake(worker, tile)
            worker.profit -= price * COST * (1 - forged)
            worker.delivered += 1
            total += price
            worker.batch[LeaseId(f"{job}/{tile}/1")] = (price, forged)
            full = len(worker.batch) >= audit.batch_size(worker.record)
            if (full or tile == TILES - 1) and not judged(worker, chance):
                break
    return worker.profit / total


def judged(worker: Worker, chance: random.Random) -> bool:
    lots = {lease: audit.lot(chance.randbytes(32), digest(lease.encode())) for lease in worker.batch}
    drawn = audit.chosen(lots, {lease: Wei(price) for lease, (price, _) in worker.batch.items()})
    forged = worker.batch[drawn][1]
    caught = forged > 0 and chance.random() < detection(forged)
    if caught:
        worker.rejected += 1
        worker.record = Record() if worker.fresh else worker.record.after_rejection()
    else:
        worker.profit += sum(price for price, _ in worker.batch.values())
        worker.record = worker.record.after_pass()
    worker.batch.clear()
    return not caught


TRUSTED = audit.NEWCOMER * audit.LARGEST
STRATEGIES: dict[str, Callable[[], Worker]] = {
    "always": lambda: Worker(lambda _, __: 1.0),
    "after building trust": lambda: Worker(lambda me, _: float(me.record.passed >= TRUSTED)),
    "every third tile": lambda: Worker(lambda _, tile: float(tile % 3 == 0)),
    "the dear tiles only": lambda: Worker(lambda _, tile: float(tile % 8 != 0)),
    "one dear tile of a trusted batch": lambda: Worker(
        lambda me, tile: float(me.record.passed >= TRUSTED and tile % 8 == 4)
    ),
    "a quarter of each tile": lambda: Worker(lambda _, __: 0.25),
    "a tenth of each tile": lambda: Worker(lambda _, __: 0.10),
    "a twentieth of each tile": lambda: Worker(lambda _, __: 0.05),
    "a hundredth of each tile": lambda: Worker(lambda _, __: 0.01),
    "many fresh identities": lambda: Worker(lambda _, __: 1.0, fresh=True),
    "trust from a requester of its own": lambda: Worker(lambda _, __: 1.0, Record(passed=10**6)),
    "the last batch of each job": lambda: Worker(
        lambda me, tile: float(tile >= TILES - audit.batch_size(me.record))
    ),
}


def honest(seed: int) -> float:
    return play(Worker(lambda _, __: 0.0), seed)


def test_honest_work_earns_what_it_costs_less_and_is_never_rejected() -> None:
    worker = Worker(lambda _, __: 0.0)
    assert play(worker, 1) == pytest.approx(1 - COST)
    assert worker.rejected == 0
    assert audit.batch_size(worker.record) == audit.LARGEST


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_earns_less(name: str) -> None:
    worker = STRATEGIES[name]()
    assert play(worker, 2) < honest(2) - 0.0005
    assert worker.rejected > 0


def test_what_nobody_detects_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the argument, and proof that the play can be won."""
    monkeypatch.setitem(globals(), "detection", lambda _: 0.0)
    assert play(Worker(lambda _, __: 0.5), 3) > honest(3)
