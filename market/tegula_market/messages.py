"""What a coordinator and a worker say to each other.

On the wire a message is three frames: `[b"tm1", kind, json]`. Pixels are never inside; they are blobs.
Per tile a worker sees three: LEASE, RESULT, VERDICT.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    Lease,
    LeaseId,
    Order,
    Rect,
    Result,
    Signature,
    SignedVoucher,
    Verdict,
    Wei,
)

PROTOCOL = b"tm1"
MAX_BYTES = 1 << 20
"""Of one message. The largest is CALL, which lists the frames of an animation."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First word of a worker, again after every reconnection."""

    payout: Address
    binding: Signature
    """Of the payout key over this connection's CURVE key: `vouchers.binding_payload`."""
    blender: str
    device: str
    """In words, kinds that differ joined by " + ". A verifier has one, by which its probes are compared."""
    slots: int
    """Of all devices."""
    verifier: bool


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Said by both sides while nothing else is."""


@dataclass(frozen=True, slots=True)
class AskFor:
    """A worker's answer to CALL: one standing ask for the job."""

    job: JobId
    price: Wei
    slots: int
    expiry: int
    warm: bool
    """Whether the scene is already loaded here."""
    holdback: int = 0
    """Tiles' worth that may be accepted and not signed for before it takes more of the job; 0 is any."""


@dataclass(frozen=True, slots=True)
class Decline:
    """A worker's answer to CALL when it will not ask."""

    job: JobId
    reason: str


@dataclass(frozen=True, slots=True)
class Post:
    """A posted ask: what a worker asks at present, whatever the job. It stands until the next one, and ends
    with the connection. About a job the worker decides when it is called."""

    token: Address
    price: Wei
    """Token units per megasample."""
    slots: int
    """Of all devices; 0 takes the posted ask back."""


@dataclass(frozen=True, slots=True)
class Deliver:
    result: Result


@dataclass(frozen=True, slots=True)
class Return:
    """A worker gives a lease back unfinished; nobody is blamed, nothing is paid."""

    lease: LeaseId
    failure: str
    """Class of failure, e.g. "crash", "timeout", "out of memory", "missing file"."""
    reason: str


@dataclass(frozen=True, slots=True)
class Probed:
    """A verifier's answer to PROBE: one image for each rect, in order."""

    lease: LeaseId
    images: tuple[Digest, ...]
    twins: tuple[Digest, ...]
    """The same by another kernel, if the probe asked for it; else none."""
    seconds: float
    """Of rendering, the twins included."""


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    lease: LeaseId
    reason: str


@dataclass(frozen=True, slots=True)
class Bye:
    """A worker that drains: no more leases, please."""


@dataclass(frozen=True, slots=True)
class Welcome:
    token: str
    """Bearer token for the coordinator's blobs."""
    heartbeat_seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The coordinator will not work with this worker."""

    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    job: JobId
    order: Order


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why a worker's ask gets no work in this round."""

    job: JobId
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Grant:
    lease: Lease
    commitment: Digest
    """`probes.commitment(salt)`: which pixels will be probed is fixed already, but not yet known."""


@dataclass(frozen=True, slots=True)
class Revoke:
    lease: LeaseId
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """To a verifier: render these rects of the unit again."""

    lease: LeaseId
    job: JobId
    order: Order
    unit: int
    rects: tuple[Rect, ...]
    overscan: int
    """Pixels to render around each rect."""
    twin: bool
    """Render each rect once more, with another kernel than Cycles would choose."""


@dataclass(frozen=True, slots=True)
class Decided:
    verdict: Verdict
    cumulative: Wei
    """What the worker has earned in this job, all in all."""


@dataclass(frozen=True, slots=True)
class Pay:
    voucher: SignedVoucher


@dataclass(frozen=True, slots=True)
class Rooted:
    """The requester is away: the coordinator's root on chain has this for the worker. No voucher follows."""

    job: JobId
    cumulative: Wei
    root: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """No more work in this job; time to claim."""

    job: JobId
    reason: str


FromWorker: TypeAlias = (
    Hello | Heartbeat | AskFor | Decline | Post | Deliver | Return | Probed | ProbeFailed | Bye
)
FromCoordinator: TypeAlias = (
    Welcome | Refused | Heartbeat | Call | NotTaken | Grant | Revoke | Probe | Decided | Pay | Rooted | Ended
)
Message: TypeAlias = FromWorker | FromCoordinator

_KINDS: dict[bytes, type[Message]] = {
    b"HELLO": Hello,
    b"HEARTBEAT": Heartbeat,
    b"ASK": AskFor,
    b"DECLINE": Decline,
    b"POST": Post,
    b"RESULT": Deliver,
    b"RETURN": Return,
    b"PROBED": Probed,
    b"PROBE_FAILED": ProbeFailed,
    b"BYE": Bye,
    b"WELCOME": Welcome,
    b"REFUSED": Refused,
    b"CALL": Call,
    b"NOT_TAKEN": NotTaken,
    b"LEASE": Grant,
    b"REVOKE": Revoke,
    b"PROBE": Probe,
    b"VERDICT": Decided,
    b"VOUCHER": Pay,
    b"ROOTED": Rooted,
    b"ENDED": Ended,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(message: Message) -> list[bytes]:
    return [PROTOCOL, _NAMES[type(message)], codec.dumps(message)]


def from_worker(frames: list[bytes]) -> FromWorker:
    """Raises: MalformedInput: wrong protocol, unknown kind, bad body, or a coordinator's word."""
    message = _decode(frames)
    if not isinstance(message, FromWorker):
        raise MalformedInput(f"{type(message).__name__} is not for a worker to say")
    return message


def from_coordinator(frames: list[bytes]) -> FromCoordinator:
    """Raises: MalformedInput: wrong protocol, unknown kind, bad body, or a worker's word."""
    message = _decode(frames)
    if not isinstance(message, FromCoordinator):
        raise MalformedInput(f"{type(message).__name__} is not for a coordinator to say")
    return message


def _decode(frames: list[bytes]) -> Message:
    if len(frames) != 3 or frames[0] != PROTOCOL:
        raise MalformedInput(f"want 3 frames that begin with {PROTOCOL!r}; is the other side up to date?")
    kind = _KINDS.get(frames[1])
    if kind is None:
        raise MalformedInput(f"no message kind {frames[1][:20]!r}")
    if len(frames[2]) > MAX_BYTES:
        raise MalformedInput(f"a message of {len(frames[2])} bytes; the limit is {MAX_BYTES}")
    return codec.loads(kind, frames[2])
