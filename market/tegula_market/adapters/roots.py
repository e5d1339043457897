"""Merkle trees over what workers have earned, as the escrow checks them; Python alone.

A coordinator posts the root when the requester is away, and publishes the totals: anyone builds the same
tree from them and finds its own proof. A leaf is hashed twice, so that no inner node passes for one; pairs
are hashed in sorted order, so that a proof needs no directions.
Source: OpenZeppelin Contracts 5.7, utils/cryptography/MerkleProof.sol.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tegula_market.adapters.keccak import keccak256
from tegula_market.codec import MAX_WEI
from tegula_market.model import Address, InvalidValue, JobId, Wei

WORD = 32


@dataclass(frozen=True, slots=True)
class Tree:
    """Totals of one job's workers; equal totals make equal trees."""

    workers: tuple[Address, ...]
    """In the order of their leaves."""
    levels: tuple[tuple[bytes, ...], ...]
    """Leaves first, the root last."""

    @classmethod
    def of(cls, job: JobId, totals: Mapping[Address, Wei]) -> "Tree":
        """Raises: InvalidValue: nobody earned anything, or an amount that the escrow cannot count."""
        if not totals:
            raise InvalidValue("a root wants at least one worker")
        workers = tuple(sorted(totals))
        levels = [tuple(leaf(job, worker, totals[worker]) for worker in workers)]
        while len(levels[-1]) > 1:
            levels.append(_above(levels[-1]))
        return cls(workers, tuple(levels))

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, worker: Address) -> tuple[bytes, ...]:
        """Raises: InvalidValue: the worker is not in the tree."""
        if worker not in self.workers:
            raise InvalidValue(f"the root says nothing about 0x{worker.hex()}")
        place = self.workers.index(worker)
        path: list[bytes] = []
        for level in self.levels[:-1]:
            path += level[place ^ 1 : (place ^ 1) + 1]  # the last of an odd level has no neighbour
            place //= 2
        return tuple(path)


def leaf(job: JobId, worker: Address, cumulative: Wei) -> bytes:
    if len(job) != WORD or len(worker) != 20 or not 0 <= cumulative <= MAX_WEI:
        raise InvalidValue(f"no worker's total: {cumulative} for 0x{worker.hex()}")
    return keccak256(keccak256(job + worker.rjust(WORD, b"\0") + cumulative.to_bytes(WORD, "big")))


def proves(root: bytes, of_leaf: bytes, proof: Iterable[bytes]) -> bool:
    node = of_leaf
    for neighbour in proof:
        node = _pair(node, neighbour)
    return node == root


def reserve(totals: Mapping[Address, Wei], claimed: Mapping[Address, Wei]) -> Wei:
    """What leaves can still take: the least that the root has to reserve for all of them to be paid."""
    return Wei(sum(max(0, total - claimed.get(worker, 0)) for worker, total in totals.items()))


def _above(level: Sequence[bytes]) -> tuple[bytes, ...]:
    pairs = (level[at : at + 2] for at in range(0, len(level), 2))
    return tuple(_pair(*pair) if len(pair) == 2 else pair[0] for pair in pairs)


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak256(min(one, other) + max(one, other))
