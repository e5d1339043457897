"""One scene through the market: from the .blend to frames and a report in a folder."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tegula import job, market, record, report, scene
from tegula import run as runs
from tegula.frames import Frames
from tegula.market import Market
from tegula.outcome import Outcome
from tegula.run import Run
from tegula_blender.client import Client
from tegula_blender.job_view import About
from tegula_blender.money import Money
from tegula_blender.session import planning
from tegula_blender.session.deal import Deal
from tegula_blender.session.packed import PackedScene
from tegula_blender.session.planning import NO_TERMS
from tegula_blender.session.standing import Tell
from tegula_blender.session.stopwatch import Stopwatch
from tegula_market import tiling
from tegula_market.adapters import devkeys, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import InvalidValue, Order, Rect, Terms, Wei

Show = Callable[[Money], AbstractContextManager[Tell]]
"""Makes progress visible."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the artist asks for. None is what the scene says, or an automatic choice."""

    scene: Path
    out: Path
    frames: tuple[int, ...] | None
    samples: int | None
    scale: int | None
    """Percent of the scene's resolution."""
    tile: int | None
    ceiling: Wei
    deadline_seconds: int
    blender: Path | None
    workers: int
    """That are expected; decides how large tiles are."""
    claim_patience: float
    wait: bool = False
    """For a lower price, until the deadline, if all asks are above the ceiling."""


@dataclass(frozen=True, slots=True)
class Reached:
    where: Market
    client: Client
    about: About
    escrow: Escrow
    money: Money


def inspect(wanted: Wanted, scratch: Path, watch: Stopwatch) -> PackedScene:
    """Everything that can be wrong with the order is found here, before anything is started or paid.

    Raises:
        SceneRefused, InvalidValue: what to change.
    """
    _make_folder(wanted.out)
    with watch.part("inspect"):
        packed = scene.inspect_scene(
            wanted.scene,
            scratch=scratch,
            blender=wanted.blender,
            frames=wanted.frames,
            samples=wanted.samples,
            scale=wanted.scale,
        )
    planning.budget(_order(wanted, packed, NO_TERMS))
    return packed


@contextmanager
def reached(where: Market) -> Iterator[Reached]:
    """A market that answers, and lets this requester in.

    Raises:
        Unreachable, Refused, MalformedInput, InvalidValue, ChainError, NotLocal: it does not; the message
            says why.
    """
    client = Client(where.url, where.token)
    try:
        about = client.about()
        market.check(about, where)
        client.check_token()  # before a scene is read
        escrow = Escrow.connect(where.rpc, about.escrow, where.dispatch)
        if escrow.domain.chain_id != about.chain_id:
            raise InvalidValue(
                f"--rpc leads to chain {escrow.domain.chain_id}, the coordinator works with {about.chain_id}"
            )
        devkeys.refuse_elsewhere(where.key.address, about.chain_id)
        yield Reached(where, client, about, escrow, market.money_of(escrow, where.currency))
    finally:
        client.disconnect()


def render(wanted: Wanted, packed: PackedScene, at: Reached, watch: Stopwatch, show: Show) -> Outcome:
    """Raises: as `job.carry_out`."""
    made = _deal(wanted, packed, at)
    frames = Frames(made.order, packed, wanted.out, wanted.blender, watch)
    keep = wanted.out if at.where.lasting else None
    with show(at.money) as tell:
        parties = made, at.escrow, at.where.key
        patience = wanted.claim_patience, wanted.wait
        run = Run(*parties, packed.blobs, frames, keep, watch, tell, at.money, *patience)
        settled = job.carry_out(run)
    outcome = runs.outcome(run, settled, wanted.scene.name, frames.finished)
    report.write(outcome, wanted.out)
    return outcome


def _deal(wanted: Wanted, packed: PackedScene, at: Reached) -> Deal:
    session = Key.generate()  # in memory alone: whoever loses it waits for the refund
    end = int(time.time()) + wanted.deadline_seconds
    terms = Terms(
        at.where.requester,
        session.address,
        at.about.coordinator,
        at.where.currency,
        end,
        planning.GRACE_SECONDS,
        secrets.token_bytes(32),
        planning.WINDOW_SECONDS,
        market.arbiter(at.about, at.where),
        at.where.author,
        at.where.author_bps,
    )
    return Deal.of(
        _order(wanted, packed, terms), at.escrow.domain, at.client, partial(signing.sign, key=session)
    )


def _order(wanted: Wanted, packed: PackedScene, terms: Terms) -> Order:
    width, height = tiling.frame_size(
        packed.scene.resolution_x, packed.scene.resolution_y, packed.scene.percentage
    )
    rect = packed.scene.region or Rect(0, 0, width, height)
    edge = wanted.tile if wanted.tile is not None else planning.tile_edge(rect, wanted.workers)
    return planning.order(packed.scene, packed.frames, terms, wanted.ceiling, edge)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidValue(
            f"cannot make the folder {out} ({error.strerror}); choose another --out"
        ) from error
    if (out / record.RECORD).exists():
        raise InvalidValue(
            f"{out} holds the record of a job that did not end; get its deposit back with"
            f" `tegula refund {out}`, or choose another --out"
        )
