"""What an artist asks for, and what it comes to: a scene made ready, an order, a quote."""

import secrets
import time
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tegula_market import codec, tiling
from tegula_market.model import InvalidValue, Order, Rect, Terms, Wei

from ..money import Money
from . import blender as blenders
from . import costs, planning, quoting
from .connection import Connected
from .packed import PackedScene, pack
from .speeds import Pilot
from .state import Quote

PILOT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Request:
    """What Blender's main thread reads from the scene, in plain values."""

    name: str
    """For people."""
    answer: dict[str, Any]
    """Of `packing.pack_open`."""
    scratch: Path
    """The folder that was given to it."""
    frames: tuple[int, ...]
    budget: str
    """Of the coordinator's token, like "1.50"."""
    deadline_seconds: float
    tile: int | None
    """Edge in pixels; None for an automatic choice."""
    pilot: str | None
    """The device on which some of the scene is rendered here, to tell the time that it takes, like "CPU"."""


def prepared(request: Request, blender: Path | None) -> PackedScene:
    """Reads every file.

    Raises:
        SceneRefused: what to change in the scene.
    """
    return pack(request.answer, scratch=request.scratch, blender=blender, frames=request.frames)


def order(request: Request, scene: PackedScene, at: Connected) -> Order:
    """With the highest ceiling that the budget covers.

    Raises:
        InvalidValue: the budget is no amount, or too small for any price.
    """
    mine, end = at.purse.address, int(time.time() + request.deadline_seconds)
    terms = Terms(
        mine,
        mine,
        at.about.coordinator,
        at.account.currency,
        end,
        planning.GRACE_SECONDS,
        secrets.token_bytes(32),
        planning.WINDOW_SECONDS,
        at.about.arbiter,
    )
    edge = request.tile or _edge(scene, at)
    plain = planning.order(scene.scene, scene.frames, terms, Wei(1), edge)
    return planning.within(plain, amount(request.budget, at.money), at.money)


def renewed(order: Order, request: Request) -> Order:
    """The same order with terms of its own: time has passed since it was quoted."""
    end, salt = int(time.time() + request.deadline_seconds), secrets.token_bytes(32)
    return replace(order, terms=replace(order.terms, deadline=end, salt=salt))


def quoted(order: Order, request: Request, at: Connected, blender: Path | None) -> tuple[Order, Quote]:
    """The order, with a map of where the pilot found it dear, and its quote.

    Raises:
        SceneRefused: the pilot could not be rendered.
    """
    pilot = _pilot(request, blender)
    mapped = costs.mapped(order, pilot, amount(request.budget, at.money), at.money)
    return mapped, quoting.quote(mapped, at.client.market(), pilot, time.time(), at.money)


def amount(text: str, money: Money) -> Wei:
    """Raises: InvalidValue: no amount, or finer than the token can be divided."""
    try:
        units = Decimal(text.strip()) * 10**money.decimals
    except InvalidOperation:
        raise InvalidValue(f"{text!r} is no amount; write a budget like 1.50.") from None
    if not units.is_finite() or units <= 0 or units != int(units):
        raise InvalidValue(
            f"A budget of {text} {money.symbol} cannot be paid; write one above 0 with at most"
            f" {money.decimals} digits behind the point."
        )
    return Wei(int(units))


def _edge(scene: PackedScene, at: Connected) -> int:
    said = scene.scene
    size = tiling.frame_size(said.resolution_x, said.resolution_y, said.percentage)
    workers = sum(worker.slots for worker in at.client.market().workers)
    return planning.tile_edge(said.region or Rect(0, 0, *size), max(1, workers))


def _pilot(request: Request, blender: Path | None) -> Pilot | None:
    if request.pilot is None:
        return None
    asked = {"seconds": PILOT_SECONDS, "frame": request.frames[0], "device": request.pilot}
    return codec.decode(Pilot, blenders.ask("pilot", blender, blend=request.answer["here"], **asked))
