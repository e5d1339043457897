"""What a coordinator tells of its market before there is a job. As types that decode strictly."""

from dataclasses import dataclass

from tegula_market.model import Address, Wei


@dataclass(frozen=True, slots=True)
class Priced:
    price: Wei
    """Token units per megasample."""
    at: float
    """Unix seconds by the coordinator's clock."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a worker asks at present, whatever the job."""

    token: Address
    price: Wei
    """Token units per megasample."""
    slots: int
    at: float
    """Unix seconds by the coordinator's clock: since then."""


@dataclass(frozen=True, slots=True)
class Present:
    """A worker that is online."""

    blender: str
    device: str
    slots: int
    ask: Priced | None
    """Its last, for whatever job; None if it has asked for none yet."""
    posted: Posted | None = None
    """None if it posts nothing, as one does that rests."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of a kind of device, in megasamples a second of rendering, by the last results of each worker."""

    device: str
    results: int
    jobs: int
    mean: float
    slowest: float
    """Of a job, all in all."""
    fastest: float
    load_seconds: float
    """Each time that a scene was loaded, on average."""
    way_seconds: float
    """From lease to result, less loading and rendering."""
    probe_seconds: float
    """Both on average over all results."""


@dataclass(frozen=True, slots=True)
class MarketView:
    at: float
    """Unix seconds by the coordinator's clock."""
    call_seconds: float
    """In which workers answer when a job is called out."""
    workers: tuple[Present, ...]
    verifiers: tuple[Present, ...]
    prices: tuple[Priced, ...]
    """At which jobs have cleared of late; oldest first."""
    speeds: tuple[Speed, ...]
