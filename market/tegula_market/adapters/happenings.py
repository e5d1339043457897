"""What happens to jobs in the escrow, as its logs tell it."""

from dataclasses import dataclass
from enum import StrEnum

from eth_utils.abi import event_abi_to_log_topic

from tegula_market.adapters.evm import artifact
from tegula_market.adapters.evm.cursor import Log
from tegula_market.model import JobId

WORD = 32


class Kind(StrEnum):
    """By the contract's names."""

    OPENED = "Opened"
    CLOSED = "Closed"
    REFUNDED = "Refunded"
    ROOT_POSTED = "RootPosted"
    DISPUTED = "Disputed"
    UPHELD = "Upheld"
    """Ruled, and the root stands."""
    VOIDED = "Voided"
    """Ruled, and it does not."""


@dataclass(frozen=True, slots=True)
class Happening:
    kind: Kind
    job: JobId
    tx: bytes


_RULED = "Ruled"
_TOPICS = {
    bytes(event_abi_to_log_topic(entry)): entry["name"]
    for entry in artifact("TileEscrow")["abi"]
    if entry["type"] == "event" and entry["name"] in {*Kind, _RULED}
}
TOPICS = tuple("0x" + topic.hex() for topic in _TOPICS)
"""For a filter."""


def of(log: Log) -> Happening:
    """Of a log that such a filter lets through."""
    name = _TOPICS[log.topics[0]]
    if name == _RULED:
        stands = log.data[2 * WORD - 1]  # the root, then a bool
        name = Kind.UPHELD if stands else Kind.VOIDED
    return Happening(Kind(name), JobId(log.topics[1]), log.tx)
