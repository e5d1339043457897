"""Posts roots: what workers are owed when their requester is away.

The book decides and its log has the decision before anything is sent. Then the chain is asked what it has, so
that a kill at any moment ends in one root, and in the log.
"""

import asyncio
import time
from contextlib import suppress
from functools import lru_cache

import structlog

from tegula_coordinator import events
from tegula_coordinator.book import Job, NotAdmitted, roots
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.presence import Presence
from tegula_coordinator.relay import NoEther, Relay
from tegula_market.adapters import chain, signing
from tegula_market.adapters import roots as trees
from tegula_market.adapters.chain import Root
from tegula_market.adapters.roots import Tree
from tegula_market.model import Address, JobId, Wei

LOOK_SECONDS = 5.0
KEPT_TREES = 16

log = structlog.get_logger(__name__)


def tree(job: Job) -> Tree:
    """Over what the job's workers are owed. Slow for many: each leaf is hashed in Python."""
    return _tree(job.id, tuple(sorted(job.ledger.owed.items())))


@lru_cache(maxsize=KEPT_TREES)
def _tree(job: JobId, totals: tuple[tuple[Address, Wei], ...]) -> Tree:
    return Tree.of(job, dict(totals))


class Notary:
    """
    Args:
        after: seconds without a word of a requester, until its workers get a root.
    """

    def __init__(
        self,
        keeper: Bookkeeper,
        escrow: chain.Escrow,
        relay: Relay,
        key: signing.Key,
        presence: Presence,
        after: float,
    ) -> None:
        self._keeper, self._escrow, self._relay, self._key = keeper, escrow, relay, key
        self._presence, self._after = presence, after
        self._waiting: dict[JobId, str] = {}
        """Why, so that it is logged once and not with every try."""

    async def watch(self) -> None:
        while True:
            for job in list(self._keeper.book.live.values()):
                await self.look(job)
            await asyncio.sleep(min(LOOK_SECONDS, self._after / 4))

    async def look(self, job: Job) -> None:
        """What fails is tried again with the next look."""
        now = time.time()
        if roots.due(job, self._presence.heard(job.id), now, self._after):
            said = f"the requester was not heard from for {now - self._presence.heard(job.id):.0f} seconds"
            with suppress(NotAdmitted):
                await self._keeper.record(events.RootDecided(now, job.id, said))
                log.info("root decided", job=job.id.hex(), owed=job.ledger.total_owed, reason=said)
        if job.decided and job.root is None:
            try:
                await self._post(job)
            except (chain.ChainError, NoEther) as error:
                self._wait(job.id, str(error))

    async def _post(self, job: Job) -> None:
        made = await asyncio.to_thread(tree, job)
        found = await self._relay.send(lambda: self._posted(job, made))
        posted = events.RootPosted(time.time(), job.id, found.hash, found.reserved, found.final_at)
        with suppress(NotAdmitted):
            await self._keeper.record(posted)
        self._waiting.pop(job.id, None)
        log.info("root posted", job=job.id.hex(), root=found.hash.hex(), reserve=found.reserved)

    def _posted(self, job: Job, made: Tree) -> Root:
        """Blocks. The reserve is counted now: vouchers can have been claimed since the decision."""
        totals = dict(job.ledger.owed)
        claimed = {worker: self._escrow.claimed(job.id, worker) for worker in totals}
        self._escrow.post_root(job.order.terms, made.root, trees.reserve(totals, claimed), self._key)
        found = self._escrow.root(job.id)
        if found is None or found.hash != made.root:
            raise chain.Refused("the chain shows another root than was posted; is the RPC node in step?")
        return found

    def _wait(self, job: JobId, reason: str) -> None:
        first = self._waiting.get(job) != reason
        self._waiting[job] = reason
        (log.warning if first else log.debug)("root waits", job=job.hex(), reason=reason)
