"""Why a worker does not work: a code for programs, a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    VERIFIER = "VERIFIER"
    CHAIN_AWAY = "CHAIN_AWAY"
    """The escrow could not be looked at."""
    BLOCKED = "BLOCKED"
    """On a block list, or not on an allow list."""
    OTHER_BLENDER = "OTHER_BLENDER"
    OTHER_CURRENCY = "OTHER_CURRENCY"
    DEADLINE_NEAR = "DEADLINE_NEAR"
    DEADLINE_FAR = "DEADLINE_FAR"
    SHORT_GRACE = "SHORT_GRACE"
    NO_ARBITER = "NO_ARBITER"
    """The provider wants one: without, nobody pays what a requester that goes away has not signed for."""
    BAD_ARBITER = "BAD_ARBITER"
    """It is one of those whom it would judge."""
    SHORT_WINDOW = "SHORT_WINDOW"
    LONG_WINDOW = "LONG_WINDOW"
    AUTHOR_SHARE = "AUTHOR_SHARE"
    HOLDBACK = "HOLDBACK"
    """Too much is accepted, and neither vouchered nor rooted."""
    ROOTED = "ROOTED"
    """The coordinator has said its last word on the job."""
    WRONG_JOB = "WRONG_JOB"
    """The job's id is not the hash of its terms."""
    OTHER_COORDINATOR = "OTHER_COORDINATOR"
    NO_SIGNER = "NO_SIGNER"
    ONE_SIGNER = "ONE_SIGNER"
    """One address could pay the deposit out to itself."""
    BAD_ORDER = "BAD_ORDER"
    NO_DEPOSIT = "NO_DEPOSIT"
    SMALL_DEPOSIT = "SMALL_DEPOSIT"
    WRONG_LEASE = "WRONG_LEASE"
    LOW_PRICE = "LOW_PRICE"
    CLOSED = "CLOSED"
    """Outside the opening hours."""
    OWNER_ACTIVE = "OWNER_ACTIVE"
    CPU_BUSY = "CPU_BUSY"
    GPU_BUSY = "GPU_BUSY"
    CPU_HOT = "CPU_HOT"
    GPU_HOT = "GPU_HOT"
    LOAD_HIGH = "LOAD_HIGH"
    DISK_FULL = "DISK_FULL"


@dataclass(frozen=True, slots=True)
class Objection:
    code: Code
    sentence: str
