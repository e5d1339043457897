"""Watches a contract's events from a block on, through reorganisations of the chain and through restarts.

A block is told from another of the same number by its hash. The newest mark of the cursor that is still in
the chain is the common ancestor; what was given away of later blocks is withdrawn.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from web3 import Web3
from web3.exceptions import BlockNotFound

from tegula_market.adapters.evm import ChainError, translated
from tegula_market.adapters.evm.cursor import Cursor, Log, Mark, log_of
from tegula_market.adapters.evm.logs import Filter, Reader

LOOK_SECONDS = 4.0
LONGEST_SECONDS = 60.0
"""Between two tries while the node is away; the first ones follow faster."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to undo, newest first, and then what to do, oldest first."""

    withdrawn: tuple[Log, ...]
    arrived: tuple[Log, ...]


Take = Callable[[Changes], None]
"""Does what the changes say. What it was given when it failed, or was killed, it is given again."""


class Watcher:
    """
    Args:
        start: the first block to look at; the escrow's own is the earliest that makes sense.
        depth: blocks that must be on top of one before its logs are given away. 0 is at once, with more
            withdrawals.
    """

    def __init__(self, web3: Web3, wanted: Filter, cursor: Cursor, start: int, depth: int = 0) -> None:
        self._web3 = web3
        self._reader = Reader(web3, wanted)
        self._cursor = cursor
        self._start = start
        self._depth = depth

    def look(self, take: Take) -> bool:
        """Gives away what has changed, in one part or in several.

        Returns:
            Whether it came to the end; False if the chain was reorganised meanwhile, so look again.
        Raises:
            ChainError: the chain is away; what was given away so far is remembered.
        """
        with translated():
            last = self._web3.eth.block_number - self._depth
            top = self._mark(max(last, 0))
            ancestor = self._go_back(take)
            for end, found in self._reader.onwards(ancestor + 1, last):
                mark = self._mark(end)
                # Of one chain is only what was read while the last block stayed the same.
                if mark is None or self._mark(last) != top:
                    return False
                arrived = sorted(
                    (log_of(each) for each in found), key=lambda each: (each.block.number, each.place)
                )
                if arrived:
                    take(Changes((), tuple(arrived)))
                self._cursor.keep(ancestor, arrived, {mark, *(each.block for each in arrived)})
                ancestor = end
            return True

    def follow(self, take: Take, stop: Event, pause: Callable[[float], object] | None = None) -> None:
        """Looks until told to stop. A node that is away is told of once, and tried again."""
        wait, away, delay = pause or stop.wait, False, LOOK_SECONDS
        while not stop.is_set():
            try:
                ended = self.look(take)
            except ChainError as error:
                if not away:
                    log.warning("the chain cannot be watched: %s. It is tried again until it answers", error)
                delay = min(2 * delay, LONGEST_SECONDS) if away else 1.0
                away = True
            else:
                if away:
                    log.warning("the chain can be watched again")
                away, delay = False, LOOK_SECONDS if ended else 0.0
            wait(delay)

    def _go_back(self, take: Take) -> int:
        """To the newest block that was seen and is still in the chain."""
        marks = self._cursor.marks()
        held = (mark.number for mark in marks if self._mark(mark.number) == mark)
        ancestor = next(held, self._start - 1)
        if marks and ancestor != marks[0].number:
            # The blocks of all logs are marks, so what lies above is in the chain no more.
            withdrawn = self._cursor.above(ancestor)
            if withdrawn:
                take(Changes(tuple(withdrawn), ()))
            self._cursor.keep(ancestor, (), ())
        return ancestor

    def _mark(self, number: int) -> Mark | None:
        """None if the chain is shorter now."""
        try:
            return Mark(number, bytes(self._web3.eth.get_block(number)["hash"]))
        except BlockNotFound:
            return None
