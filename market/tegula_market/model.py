"""The words of the market as types: frozen, slotted, validated where they are made.

Digests and addresses are bytes inside and hex at the edges (JSON, command line, chain).
Money is an int in the token's smallest unit. Rects are pixels, half-open, origin at the top left.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

Digest = NewType("Digest", bytes)
"""BLAKE2b-256 of a blob: 32 bytes."""
Address = NewType("Address", bytes)
"""An Ethereum account: 20 bytes."""
JobId = NewType("JobId", bytes)
"""keccak256 of the job's ABI-encoded terms: 32 bytes."""
WorkerId = NewType("WorkerId", bytes)
"""A worker's CURVE public key: 32 bytes."""
LeaseId = NewType("LeaseId", str)
"""`<job hex>/<unit>/<attempt>`; every attempt at a unit of work is a lease of its own."""
Signature = NewType("Signature", bytes)
"""r, s, v of a secp256k1 signature: 65 bytes."""
Wei = NewType("Wei", int)
"""An amount of the job's token in its smallest unit, whatever the token is."""

ETHER = Address(bytes(20))
"""The token address that stands for the chain's own currency."""
NOBODY = Address(bytes(20))
"""Where terms name no arbiter or no author."""
MAX_FEE_PER_GAS = Wei(200 * 10**9)
"""Most wei to pay for a unit of gas, where nobody says otherwise."""
ARBITER_WINDOWS = 3
"""So many windows an arbiter has to decide, as the escrow counts it."""
MOST_AUTHOR_BPS = 1_000
"""An author's part is a tenth at most."""


def lease_id(job: JobId, unit: int, attempt: int) -> LeaseId:
    return LeaseId(f"{job.hex()}/{unit}/{attempt}")


def lease_parts(lease: LeaseId) -> tuple[JobId, int, int]:
    """Job, unit and attempt of a lease.

    Raises:
        InvalidValue: not an id that `lease_id` made.
    """
    job, _, rest = lease.partition("/")
    unit, _, attempt = rest.partition("/")
    try:
        parts = JobId(bytes.fromhex(job)), int(unit), int(attempt)
    except ValueError as error:
        raise InvalidValue(f"no lease id: {lease[:100]!r}") from error
    if lease_id(*parts) != lease or len(parts[0]) != 32:
        raise InvalidValue(f"no lease id: {lease[:100]!r}")
    return parts


UNSAID = MappingProxyType({"unsaid": True})
"""Metadata of a field that older programs do not know, and that is part of what is signed. Where it is None
`codec` leaves it out: what they wrote can be read, and what they signed has the digest that it had."""
MEGASAMPLE = 1_000_000
"""Pixel-samples per megasample, the unit that prices are quoted in."""


class TegulaError(Exception):
    """Root of every error that Tegula raises on purpose.

    TegulaError
    ├── InvalidValue    a value that its type does not allow (model, tiling)
    ├── MalformedInput  bytes or JSON from a peer that are not what they should be (codec, messages)
    ├── IllegalMove     an event that a state does not allow (lifecycle)
    └── Overdrawn       money that is not there (ledger)
    """


class InvalidValue(TegulaError):
    """A value that its type does not allow."""


@dataclass(frozen=True, slots=True, order=True)
class Rect:
    """Pixels x0 <= x < x1, y0 <= y < y1, origin at the top left of the frame."""

    x0: int
    y0: int
    x1: int
    y1: int

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 and 0 <= self.y0 < self.y1):
            raise InvalidValue(f"not a rect: {self.x0},{self.y0} to {self.x1},{self.y1}")

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        return self.width * self.height

    def grown(self, margin: int, within: "Rect") -> "Rect":
        """This rect with `margin` pixels more on each side, as far as `within` reaches."""
        return Rect(
            max(self.x0 - margin, within.x0),
            max(self.y0 - margin, within.y0),
            min(self.x1 + margin, within.x1),
            min(self.y1 + margin, within.y1),
        )

    def moved(self, dx: int, dy: int) -> "Rect":
        return Rect(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def contains(self, other: "Rect") -> bool:
        return self.x0 <= other.x0 and self.y0 <= other.y0 and other.x1 <= self.x1 and other.y1 <= self.y1


@dataclass(frozen=True, slots=True)
class Terms:
    """What the escrow of a job stands on. The job id is the hash of exactly these fields.

    The deposit pays vouchers that `signer` and `coordinator` both signed, and, where there is an
    arbiter, roots of the coordinator's that nobody disputed. What is left returns to `requester` by a
    co-signed close, or alone after `deadline` + `grace`.
    """

    requester: Address
    signer: Address
    """The requester's session key: signs the order and the vouchers of this job only."""
    coordinator: Address
    token: Address
    """ERC-20 contract, or ETHER."""
    deadline: int
    """Unix seconds; no work is leased past it."""
    grace: int
    """Seconds after the deadline in which workers can still claim before a refund."""
    salt: bytes
    """32 bytes that make the id of otherwise equal jobs differ."""
    window: int = 0
    """Seconds in which a root can be disputed; the arbiter then has `ARBITER_WINDOWS` times as long."""
    arbiter: Address = NOBODY
    """Decides disputes about roots. Without one the job has no roots."""
    author: Address = NOBODY
    """Of the application or scene asset that the job uses."""
    author_bps: int = 0
    """The author's part of each payment in 1/10,000."""

    def __post_init__(self) -> None:
        addresses = (self.requester, self.signer, self.coordinator, self.arbiter, self.token, self.author)
        if any(len(address) != 20 for address in addresses) or len(self.salt) != 32:
            raise InvalidValue("terms want addresses of 20 bytes and a salt of 32")
        if not (0 < self.deadline < 2**40 and 0 <= self.grace < 2**32):
            raise InvalidValue(f"terms want a deadline in Unix seconds, not {self.deadline} + {self.grace}")
        if not 0 <= (1 + ARBITER_WINDOWS) * self.window <= self.grace:
            raise InvalidValue(f"terms want a grace of {1 + ARBITER_WINDOWS} windows, not {self.grace} s")
        if not 0 <= self.author_bps <= MOST_AUTHOR_BPS or bool(self.author_bps) != (self.author != NOBODY):
            raise InvalidValue("terms want an author with a part of at most a tenth, or neither")


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Cycles' adaptive sampling, pinned: it changes pixels."""

    threshold: float
    min_samples: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What is rendered and how: everything that fixes the pixels of a tile."""

    manifest: Digest
    """Blob with the scene's files (`SceneManifest`)."""
    blender: str
    """Blender version that renders it, e.g. "4.5.15"; another build may give other pixels."""
    resolution_x: int
    resolution_y: int
    percentage: int
    region: Rect | None
    """The scene's render region in pixels of the frame, or None for the whole frame."""
    crop: bool
    """Whether the finished frame is only the region (Blender's Crop to Region)."""
    spp: int
    seed: int
    adaptive: Adaptive | None
    view_layers: int
    """How many view layers are rendered; each costs `spp` samples a pixel."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a job. `rect` is what of it is rendered: all of it, or the render region."""

    number: int
    width: int
    height: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Tile:
    """One unit of work of the Blender kind: `rect` is delivered, `rendered` has the overscan too."""

    index: int
    frame: int
    rect: Rect
    rendered: Rect


MAP_EDGE, DEAREST = 8, 16
"""Most columns and rows of a cost map, and its highest weight."""


@dataclass(frozen=True, slots=True)
class CostMap:
    """What pixels are expected to cost here and there: a coarse grid over what of each frame is rendered.

    It decides where tiles are and which goes first, and nothing about what is paid for them.
    """

    columns: int
    weights: tuple[int, ...]
    """Row by row from the top left, each 1 to `DEAREST`: how dear a pixel is against those of other cells."""

    def __post_init__(self) -> None:
        columns, cells = self.columns, len(self.weights)
        if not 1 <= columns <= MAP_EDGE or cells % columns or not 1 <= self.rows <= MAP_EDGE:
            raise InvalidValue(
                f"a cost map has 1 to {MAP_EDGE} columns and rows, not {cells} cells in {columns} columns"
            )
        if not all(1 <= weight <= DEAREST for weight in self.weights):
            raise InvalidValue(f"the weights of a cost map are 1 to {DEAREST}")

    @property
    def rows(self) -> int:
        return len(self.weights) // self.columns


@dataclass(frozen=True, slots=True)
class Order:
    """What a requester orders under an escrow job; signed by the terms' session key."""

    terms: Terms
    scene: Scene
    frames: tuple[int, ...]
    tile: int
    """Edge of a tile in pixels; with a cost map, the longest."""
    overscan: int
    """Pixels rendered around a tile and cut off again, where Cycles looks at neighbours."""
    ceiling: Wei
    """Most that is paid for a megasample."""
    costs: CostMap | None = field(default=None, metadata=UNSAID)
    """By which dear tiles are smaller and go first. Without one, all are alike."""


@dataclass(frozen=True, slots=True)
class SceneFile:
    path: str
    """POSIX path below the scene's folder."""
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class SceneManifest:
    """The files of a scene. Workers lay them out as listed, so relative paths inside hold."""

    blend: str
    """Path of the .blend to open."""
    files: tuple[SceneFile, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A worker's standing offer for one job."""

    worker: WorkerId
    job: JobId
    price: Wei
    """Token units per megasample."""
    slots: int
    """Units of work that the worker takes at a time."""
    expiry: int
    """Unix seconds."""
    holdback: int = 0
    """Tiles' worth that may be accepted and not signed for before it takes more; 0 is any."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Exclusive, time-limited assignment of a unit of work."""

    id: LeaseId
    job: JobId
    unit: int
    """Index of the unit (tile) in the job's split."""
    worker: WorkerId
    price: Wei
    """Whole amount that is paid if the result is accepted."""
    attempt: int
    expiry: int
    """Unix seconds."""


class Outcome(StrEnum):
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker delivers for a lease."""

    lease: LeaseId
    image: Digest
    render_seconds: float
    load_seconds: float
    """Opening the scene for this lease; 0 in a warm child."""
    device: str
    signature: Signature
    """Of the payout key over (job, unit, attempt, image): `vouchers.result_payload`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one result; anyone can replay it from the bundle."""

    lease: LeaseId
    outcome: Outcome
    statistic: float
    threshold: float
    probe_pixels: int
    probe_seconds: float
    reason: str
    salt: bytes
    """Opens the lease's commitment: `probes.commitment(salt)`."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """Cumulative promise: so much of the job's deposit is the worker's, all in all."""

    job: JobId
    worker: Address
    cumulative: Wei


@dataclass(frozen=True, slots=True)
class SignedVoucher:
    voucher: Voucher
    signer_signature: Signature
    coordinator_signature: Signature
