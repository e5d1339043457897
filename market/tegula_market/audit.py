"""How often a tile is probed: one of a batch, drawn by lot, for all of it.

A worker's delivered tiles of a job wait in a batch. When it is full one of them is audited, and the batch
stands or falls with it. What that makes cheating worth is in `gain`; docs/verification.md tells it in words.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from tegula_market.model import Digest, LeaseId, Wei

NEWCOMER = 16
"""Audits that a payout address has to pass before its batches hold more than one tile."""
LARGEST = 8
"""Tiles in a batch. It bounds what one false rejection costs, and how late an artist sees a tile."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a payout address has shown to this coordinator."""

    passed: int = 0
    """Audits passed since the last rejection."""
    rejected: int = 0

    def after_pass(self) -> "Record":
        return Record(self.passed + 1, self.rejected)

    def after_rejection(self) -> "Record":
        """Trust starts again."""
        return Record(0, self.rejected + 1)


def batch_size(record: Record) -> int:
    """Tiles of which one is audited: 1 for a newcomer, one more with every NEWCOMER audits passed."""
    return min(LARGEST, 1 + record.passed // NEWCOMER)


def lot(salt: bytes, image: Digest) -> Digest:
    """What decides which tile of a batch is audited.

    The worker does not know the salt when it commits itself to an image, so it cannot tell which of its
    tiles will be; everybody can once the verdicts have shown the salts.
    """
    return Digest(hashlib.blake2b(salt + image, digest_size=32, person=b"tegula lot").digest())


def chosen(lots: Mapping[LeaseId, Digest], prices: Mapping[LeaseId, Wei]) -> LeaseId:
    """The lease that is audited for all of the batch: each as likely as its share of the batch's price.

    Drawn evenly, one large tile among seven small ones would be worth faking. The first of exponential times
    at rates p_i is the i-th with probability p_i / sum p (Efraimidis and Spirakis 2006).
    """
    return min(lots, key=lambda lease: (-math.log1p(-_uniform(lots[lease])) / prices[lease], lease))


def _uniform(lot: Digest) -> float:
    """0 <= u < 1, a double's 53 bits of it."""
    return (int.from_bytes(lot[:8], "big") >> 11) / 2**53


def gain(price: float, saved: float, detection: float) -> float:
    """What faking a tile of a batch is worth, on average, against rendering it.

    A batch of price P is accepted unless a faked tile is drawn, with probability p / P, and found, with
    `detection`. With the tiles F faked it pays P (1 - sum over F of detection p / P), and costs what
    rendering all of it costs less what F saves. Against the honest P less all costs that is the sum over F
    of saved - detection p: of each tile for itself, whatever else the batch holds, however large it is.

    Args:
        price: of the tile.
        saved: of the cost of rendering it honestly.
        detection: probability that an audit of it finds the fake.
    """
    return saved - detection * price
