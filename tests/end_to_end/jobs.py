"""One job through a market, and what must be true of it afterwards."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import scenes
from tegula import render as rendering
from tegula import screen
from tegula.market import Market
from tegula.outcome import Outcome
from tegula.render import Wanted
from tegula.stopwatch import Stopwatch
from tegula_blender.job_view import UnitPhase
from tegula_market.adapters import exr
from tegula_market.adapters.chain import Escrow
from tegula_market.model import Address, Scene, Wei
from tegula_market.model import Outcome as Decision


@dataclass(frozen=True, slots=True)
class Job:
    blend: Path
    out: Path
    samples: int | None = None
    scale: int | None = None
    tile: int | None = None
    frames: tuple[int, ...] | None = None
    ceiling: Wei = field(default=Wei(100))


def run(job: Job, market: Market) -> tuple[Outcome, Scene]:
    """As `tegula render` does it."""
    wanted = Wanted(
        job.blend, job.out, job.frames, job.samples, job.scale, job.tile, job.ceiling, 3600, None, 2, 60.0
    )
    with TemporaryDirectory(prefix="tegula-") as scratch, rendering.reached(market) as at:
        watch = Stopwatch()
        packed = rendering.inspect(wanted, Path(scratch), watch)
        return rendering.render(wanted, packed, at, watch, screen.show(quiet=True)), packed.scene


def assert_identical(job: Job, outcome: Outcome, scene: Scene) -> None:
    """Every frame is, in every bit of every channel, what plain bpy renders in one piece."""
    assert outcome.frames
    for frame in outcome.frames:
        whole = scenes.full_frame(job.blend, scene, frame.number, job.out / f"plain_{frame.number}.exr")
        ours, theirs = exr.read(job.out / frame.exr), exr.read(whole)
        assert (ours.width, ours.height) == (theirs.width, theirs.height)
        assert ours.channels.keys() == theirs.channels.keys()
        off = {
            name: int((plane.view(np.uint32) != theirs.channels[name].view(np.uint32)).sum())
            for name, plane in ours.channels.items()
        }
        assert not any(off.values()), off
        whole.unlink()


def assert_settled(outcome: Outcome, market: Market) -> None:
    """On chain: workers got the sum of their accepted tiles, the requester the rest; nothing is left."""
    escrow = Escrow.connect(market.rpc, outcome.escrow)
    job = outcome.view.job
    assert all(unit.phase is UnitPhase.ACCEPTED for unit in outcome.view.units)
    earned: dict[Address, int] = {}
    for unit in outcome.view.units:
        assert unit.worker is not None
        assert unit.price is not None
        earned[unit.worker] = earned.get(unit.worker, 0) + unit.price
    assert received(outcome, market) == earned
    account = escrow.account(job)
    assert account.funded == account.paid == sum(earned.values())
    returned = sum(each.amount for each in escrow.returned(job))
    assert outcome.funded == account.paid + returned
    assert outcome.refund == returned


def received(outcome: Outcome, market: Market) -> dict[Address, int]:
    """What the chain says that each worker was paid."""
    got: dict[Address, int] = {}
    for payment in Escrow.connect(market.rpc, outcome.escrow).payments(outcome.view.job):
        got[payment.worker] = got.get(payment.worker, 0) + payment.amount
    return got


def verdicts(outcome: Outcome) -> list[tuple[Address, Decision]]:
    return [(v.worker, v.outcome) for unit in outcome.view.units for v in unit.verdicts]


def all_accepted(outcome: Outcome) -> bool:
    return all(decision is Decision.ACCEPTED for _, decision in verdicts(outcome))
