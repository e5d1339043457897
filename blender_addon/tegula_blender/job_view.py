"""What a coordinator tells a requester: of itself, of accounts and of jobs. As types that decode strictly."""

from dataclasses import dataclass
from typing import Any

from tegula_market.lifecycle import JobPhase
from tegula_market.lifecycle import Phase as UnitPhase
from tegula_market.model import Address, Digest, JobId, LeaseId, Outcome, Wei, WorkerId

__all__ = [
    "About",
    "AccountView",
    "AskView",
    "Deposited",
    "JobEvent",
    "JobPhase",
    "JobView",
    "Owed",
    "RootView",
    "Settled",
    "UnitPhase",
    "UnitView",
    "VerdictView",
]


@dataclass(frozen=True, slots=True)
class About:
    version: str
    protocol: str
    coordinator: Address
    """Whose signature vouchers need beside the requester's."""
    chain_id: int
    escrow: Address
    router: str
    """ZeroMQ endpoint that workers dial."""
    curve_key: bytes
    arbiter: Address
    """That the coordinator proposes for disputes about its roots; NOBODY if it proposes none."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What an account holds of the currency that the coordinator relays deposits in."""

    currency: Address
    symbol: str
    decimals: int
    name: str
    """With `version`, of the EIP-712 domain that the token's authorisations are signed in."""
    version: str
    balance: Wei


@dataclass(frozen=True, slots=True)
class Deposited:
    job: JobId
    tx: bytes | None
    """Transaction hash; None if the job was open already."""


@dataclass(frozen=True, slots=True)
class Settled:
    tx: bytes | None
    """Transaction hash; None if the job was closed already."""
    returned: Wei


@dataclass(frozen=True, slots=True)
class AskView:
    worker: Address
    """Payout address."""
    key: WorkerId
    price: Wei | None
    """Token units per megasample; None if the worker declined."""
    slots: int
    taken: bool
    code: str
    """Why it was not taken, for programs: empty before the first round, and if it was."""
    reason: str


@dataclass(frozen=True, slots=True)
class VerdictView:
    lease: LeaseId
    outcome: Outcome
    statistic: float
    threshold: float
    probe_pixels: int
    probe_seconds: float
    reason: str
    salt: bytes
    worker: Address
    """Who delivered what was judged."""


@dataclass(frozen=True, slots=True)
class UnitView:
    unit: int
    phase: UnitPhase
    attempt: int
    worker: Address | None
    price: Wei | None
    """Whole amount for this unit."""
    image: Digest | None
    render_seconds: float
    load_seconds: float
    device: str
    verdicts: tuple[VerdictView, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    worker: Address
    cumulative: Wei
    vouchered: Wei
    """What the requester has signed of it so far."""


@dataclass(frozen=True, slots=True)
class RootView:
    """The coordinator's word on chain about what workers have earned, for when nobody signs for it."""

    hash: bytes
    reserve: Wei
    """What its leaves can still take."""
    final_at: int
    """Unix seconds of the chain; until then the requester can dispute it."""
    owed: Wei
    """What a close has to leave for workers."""


@dataclass(frozen=True, slots=True)
class JobView:
    job: JobId
    phase: JobPhase
    reason: str
    clearing_price: Wei | None
    asks: tuple[AskView, ...]
    units: tuple[UnitView, ...]
    owed: tuple[Owed, ...]
    workers: int
    """Online, verifiers not counted."""
    verifiers: int
    seq: int
    """Number of the last event that is in this view."""
    mark: str
    """From which a later view can go on, with the units only that have changed since."""
    root: RootView | None = None
    """Once there is one, nothing is signed beside it."""
    lowest_ask: Wei | None = None
    """At present, in token units for a megasample, of those who could render it, while the job waits for a
    lower price."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    seq: int
    at: float
    """Unix seconds by the coordinator's clock."""
    kind: str
    body: dict[str, Any]
