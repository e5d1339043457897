"""One run of one job: what it is carried out with, and what comes of it."""

from dataclasses import dataclass, replace
from pathlib import Path

from tegula.outcome import FinishedFrame, Outcome, Payment
from tegula_blender.job_view import JobView
from tegula_blender.money import Money
from tegula_blender.session.deal import Deal
from tegula_blender.session.follow import Gallery
from tegula_blender.session.standing import Tell
from tegula_blender.session.stopwatch import Stopwatch
from tegula_blender.session.worklog import PROBES, WorkLog
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import Digest, TegulaError, Wei


class NoFunds(TegulaError):
    """The wallet does not hold the deposit."""


class JobFailed(TegulaError):
    """The market could not finish the job; what was accepted is paid, the rest of the deposit is back."""


@dataclass(frozen=True, slots=True)
class Run:
    """One job and all that it needs around it."""

    deal: Deal
    escrow: Escrow
    payer: Key
    """Of the deposit, and of its gas."""
    blobs: dict[Digest, Path | bytes]
    """The scene's files and its manifest."""
    gallery: Gallery
    keep: Path | None
    """Folder for the record of the job while it is unfinished; None on a chain that ends with the job."""
    watch: Stopwatch
    tell: Tell
    money: Money
    claim_patience: float
    """Seconds in which workers may still claim before the report is written."""
    wait: bool = False
    """For a lower price, until the deadline, if all asks are above the ceiling."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A job that has ended, with its money where it belongs."""

    view: JobView
    funded: Wei
    open_tx: bytes
    close_tx: bytes
    refund: Wei
    payments: tuple[Payment, ...]
    log: WorkLog


def outcome(run: Run, settled: Settled, scene: str, frames: tuple[FinishedFrame, ...]) -> Outcome:
    view, log = settled.view, settled.log
    lanes = {"0x" + ask.key.hex(): "0x" + ask.worker.hex() for ask in view.asks} | {PROBES: PROBES}
    spans = [replace(span, lane=lanes[span.lane]) for span in log.spans if span.lane in lanes]
    domain = run.deal.domain
    return Outcome(
        scene=scene,
        order=run.deal.order,
        tiles=run.deal.tiles,
        view=view,
        frames=frames,
        payments=settled.payments,
        funded=settled.funded,
        refund=settled.refund,
        open_tx=settled.open_tx,
        close_tx=settled.close_tx,
        escrow=domain.escrow,
        chain_id=domain.chain_id,
        spans=tuple(spans),
        seconds={"total": run.watch.total, **run.watch.seconds, **log.seconds},
        money=run.money,
    )
