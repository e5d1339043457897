"""Facts that the book is made of, in the order in which they happened.

Every event is appended to the store before anything that follows from it is sent, and replaying the log
gives the same book. `at` is Unix seconds by the shell's clock: the book has none of its own.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from tegula_market import codec
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    LeaseId,
    Order,
    Result,
    Signature,
    SignedVoucher,
    Verdict,
    Wei,
    WorkerId,
    lease_parts,
)


@dataclass(frozen=True, slots=True)
class Restarted:
    """The coordinator came up: whoever was connected before is not any more."""

    at: float
    rules: int = field(default=1, metadata=codec.LATER)
    """`book.RULES` of the program that judges what follows."""


@dataclass(frozen=True, slots=True)
class Draining:
    """The coordinator is about to end: nothing is leased until it is back."""

    at: float


@dataclass(frozen=True, slots=True)
class JobOpened:
    at: float
    job: JobId
    order: Order
    digest: Digest
    """Of the order, as the requester signed it."""
    signature: Signature
    funded: Wei
    opener: str = field(default="", metadata=codec.LATER)
    """Name of the token that opened it; empty in logs of before it was recorded."""


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    at: float
    worker: WorkerId
    payout: Address
    blender: str
    device: str
    slots: int
    verifier: bool


@dataclass(frozen=True, slots=True)
class WorkerLeft:
    at: float
    worker: WorkerId
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerBanned:
    """The operator has; whether it was ever here or not."""

    at: float
    worker: WorkerId
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerUnbanned:
    at: float
    worker: WorkerId


@dataclass(frozen=True, slots=True)
class AskArrived:
    at: float
    ask: Ask
    warm: bool


@dataclass(frozen=True, slots=True)
class AskDeclined:
    at: float
    worker: WorkerId
    job: JobId
    reason: str


@dataclass(frozen=True, slots=True)
class AskPosted:
    """What a worker asks at present, whatever the job."""

    at: float
    worker: WorkerId
    token: Address
    price: Wei
    slots: int
    """0 takes it back."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The time to answer a call is over: the job's asks are cleared."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class JobLags:
    """The end of a job is late: somebody who is idle is expected to be sooner than one that renders."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    at: float
    lease: LeaseId


@dataclass(frozen=True, slots=True)
class LeaseReturned:
    at: float
    worker: WorkerId
    lease: LeaseId
    failure: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResultArrived:
    at: float
    worker: WorkerId
    result: Result
    lot: Digest
    """`audit.lot`: decides which of a batch is audited."""


@dataclass(frozen=True, slots=True)
class Suspected:
    """A few probes of a result look wrong; all of it is rendered again before anything is decided."""

    at: float
    lease: LeaseId
    probe: int
    """Which of all probes ever sent has shown it."""
    statistic: float
    threshold: float
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeExpired:
    """A verifier had its time."""

    at: float
    lease: LeaseId
    probe: int
    """Which of all probes ever sent."""


@dataclass(frozen=True, slots=True)
class Judged:
    at: float
    verdict: Verdict
    others: tuple[Verdict, ...]
    """On the rest of the batch, which stands or falls with it."""
    probe: int
    """Which of all probes ever sent it rests on."""
    strayed: tuple[float, ...]
    """How far the verifier's other kernel strayed, if it rendered all of the tile."""


@dataclass(frozen=True, slots=True)
class VoucherSigned:
    at: float
    signed: SignedVoucher


@dataclass(frozen=True, slots=True)
class JobCancelled:
    at: float
    job: JobId
    reason: str


@dataclass(frozen=True, slots=True)
class RootDecided:
    """The requester is away and owes: what is owed now is the last word, and goes into a root."""

    at: float
    job: JobId
    reason: str


@dataclass(frozen=True, slots=True)
class RootPosted:
    """The chain has the root."""

    at: float
    job: JobId
    root: bytes
    reserve: Wei
    """What its leaves could take when it was posted."""
    final_at: int
    """Unix seconds of the chain."""


@dataclass(frozen=True, slots=True)
class RootVoided:
    """The arbiter has decided so."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class DepositLost:
    """A reorganisation of the chain has taken it back: the job may never have been opened."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class DepositFound:
    """It is there again."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class DepositRefunded:
    """After deadline and grace; of vouchers nothing more can be claimed."""

    at: float
    job: JobId


@dataclass(frozen=True, slots=True)
class JobClosed:
    """Both sides signed how much of the deposit is owed; the rest goes back to the requester."""

    at: float
    job: JobId
    owed: Wei
    signature: Signature
    """The coordinator's, over `vouchers.close_payload`."""


@dataclass(frozen=True, slots=True)
class JobForgotten:
    """Nothing of it can be disputed any more, for long: its tiles go, and its money stays."""

    at: float
    job: JobId


Event: TypeAlias = (
    Restarted
    | Draining
    | JobOpened
    | WorkerJoined
    | WorkerLeft
    | WorkerBanned
    | WorkerUnbanned
    | AskArrived
    | AskDeclined
    | AskPosted
    | CallEnded
    | JobLags
    | LeaseExpired
    | LeaseReturned
    | ResultArrived
    | Suspected
    | ProbeExpired
    | Judged
    | VoucherSigned
    | JobCancelled
    | RootDecided
    | RootPosted
    | RootVoided
    | DepositLost
    | DepositFound
    | DepositRefunded
    | JobClosed
    | JobForgotten
)
KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Restarted,
        Draining,
        JobOpened,
        WorkerJoined,
        WorkerLeft,
        WorkerBanned,
        WorkerUnbanned,
        AskArrived,
        AskDeclined,
        AskPosted,
        CallEnded,
        JobLags,
        LeaseExpired,
        LeaseReturned,
        ResultArrived,
        Suspected,
        ProbeExpired,
        Judged,
        VoucherSigned,
        JobCancelled,
        RootDecided,
        RootPosted,
        RootVoided,
        DepositLost,
        DepositFound,
        DepositRefunded,
        JobClosed,
        JobForgotten,
    )
}


def job_of(event: Event) -> JobId | None:
    """The job that an event belongs to, if it belongs to one."""
    match event:
        case Restarted() | Draining() | WorkerJoined() | WorkerLeft() | WorkerBanned() | WorkerUnbanned():
            return None
        case AskPosted():
            return None
        case AskArrived():
            return event.ask.job
        case VoucherSigned():
            return event.signed.voucher.job
        case LeaseExpired() | LeaseReturned() | Suspected() | ProbeExpired():
            return lease_parts(event.lease)[0]
        case ResultArrived():
            return lease_parts(event.result.lease)[0]
        case Judged():
            return lease_parts(event.verdict.lease)[0]
        case JobOpened() | AskDeclined() | CallEnded() | JobLags() | JobCancelled() | JobClosed():
            return event.job
        case JobForgotten() | RootDecided() | RootPosted() | RootVoided():
            return event.job
        case DepositLost() | DepositFound() | DepositRefunded():
            return event.job
        case _:
            assert_never(event)
