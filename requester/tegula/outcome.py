"""What is known of a job when it has ended: all that a report tells."""

from dataclasses import dataclass

from tegula_blender.job_view import JobView
from tegula_blender.money import Money
from tegula_blender.session.worklog import Span
from tegula_market.model import Address, Order, Tile, Wei


@dataclass(frozen=True, slots=True)
class FinishedFrame:
    number: int
    width: int
    height: int
    exr: str
    """File name in the output folder."""
    png: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What a worker earned. A transaction is a claim that the chain knows."""

    worker: Address
    amount: Wei
    tx: bytes | None
    """None: not claimed yet. The deposit holds the amount for the worker."""


@dataclass(frozen=True, slots=True)
class Outcome:
    scene: str
    """File name of the .blend."""
    order: Order
    tiles: tuple[Tile, ...]
    view: JobView
    frames: tuple[FinishedFrame, ...]
    payments: tuple[Payment, ...]
    funded: Wei
    refund: Wei
    open_tx: bytes
    close_tx: bytes
    escrow: Address
    chain_id: int
    spans: tuple[Span, ...]
    seconds: dict[str, float]
    """By step. `total` is the whole run by the wall clock; `load`, `tiles` and `probes` are sums over
    workers, which work side by side; the others are wall-clock seconds, one after the other."""
    money: Money

    @property
    def paid(self) -> Wei:
        """What workers have earned, claimed or not."""
        return Wei(sum(payment.amount for payment in self.payments))
