"""What report.html shows, as plain values for its template: numbers become text here, nowhere else."""

import base64
from pathlib import Path
from typing import Any

from tegula import report_time
from tegula.outcome import FinishedFrame, Outcome
from tegula_blender.job_view import AskView, UnitView, VerdictView
from tegula_blender.session.standing import duration
from tegula_market.auction import Reason
from tegula_market.model import MEGASAMPLE, Address
from tegula_market.model import Outcome as Judged

COLOURS = 8
"""For workers; the ninth gets the first one again. The style sheet has one more, for probes."""
MOST_EMBEDDED = 24 << 20
"""Bytes of PNG inside the page. Frames beyond are linked from beside it: it must still open on a phone."""
OUTLINE = 1000
"""Tiles are drawn smaller by one part in so many of the frame's width: neighbours' outlines lie apart."""
REFUSALS: dict[str, str] = {
    Reason.ABOVE_CEILING: "above the ceiling",
    Reason.OUTBID: "outbid: cheaper asks took all the work",
    Reason.OUTRANKED: "outranked: surer or faster workers took all the work",
}
"""Short words for the common reasons; their sentences count in token units, which people do not."""


def context(outcome: Outcome, folder: Path) -> dict[str, Any]:
    money, view, scene = outcome.money, outcome.view, outcome.order.scene
    number = {worker: index for index, worker in enumerate(_workers(outcome))}
    price = view.clearing_price
    samples = sum(tile.rendered.area for tile in outcome.tiles) * scene.spp * scene.view_layers
    return {
        "scene": outcome.scene,
        "job": "0x" + view.job.hex(),
        "facts": [
            ("tiles", str(len(outcome.tiles))),
            ("megasamples", f"{samples / MEGASAMPLE:,.1f}"),
            ("clearing price", money.text(price) if price is not None else "none"),
            ("paid", money.text(outcome.paid)),
            ("returned", money.text(outcome.refund)),
            ("time", duration(outcome.seconds["total"])),
        ],
        "settings": f"{scene.spp} samples, seed {scene.seed}, Blender {scene.blender},"
        f" tiles of {'up to ' if outcome.order.costs else ''}{outcome.order.tile} px,"
        f" overscan {outcome.order.overscan} px",
        "ceiling": money.text(outcome.order.ceiling),
        "clearing": money.text(price) if price is not None else None,
        "frames": _frames(outcome, folder, number),
        "workers": [_worker(outcome, worker, index) for worker, index in number.items()],
        "asks": [
            {
                "worker": short(ask.worker),
                "full": "0x" + ask.worker.hex(),
                "price": "–" if ask.price is None else money.text(ask.price),
                "slots": ask.slots,
                "taken": ask.taken,
                "outcome": "taken" if ask.taken else REFUSALS.get(ask.code, ask.reason),
                "reason": ask.reason,
            }
            for ask in sorted(view.asks, key=_rank)
        ],
        "verdicts": [_verdict(outcome, unit, v, number) for unit in view.units for v in unit.verdicts],
        "payments": [
            {
                "worker": short(payment.worker),
                "full": "0x" + payment.worker.hex(),
                "colour": number.get(payment.worker, 0) % COLOURS,
                "amount": money.text(payment.amount),
                "tx": "0x" + payment.tx.hex() if payment.tx else None,
            }
            for payment in outcome.payments
        ],
        "unclaimed": sum(1 for payment in outcome.payments if payment.tx is None),
        "deposit": {"amount": money.text(outcome.funded), "tx": "0x" + outcome.open_tx.hex()},
        "refund": {"amount": money.text(outcome.refund), "tx": "0x" + outcome.close_tx.hex()},
        "escrow": "0x" + outcome.escrow.hex(),
        "chain_id": outcome.chain_id,
        "steps": report_time.bar(outcome.seconds, report_time.STEPS),
        "sums": report_time.bar(outcome.seconds, report_time.SUMS),
        "lanes": report_time.lanes(outcome.spans, [(worker, short(worker)) for worker in number], COLOURS),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short(address: Address) -> str:
    text = "0x" + address.hex()
    return f"{text[:8]}…{text[-4:]}"


def _rank(ask: AskView) -> tuple[bool, int, Address]:
    return ask.price is None, ask.price or 0, ask.worker


def _workers(outcome: Outcome) -> list[Address]:
    """Everyone who asked or delivered, cheapest ask first."""
    asked = [ask.worker for ask in sorted(outcome.view.asks, key=_rank)]
    judged = [verdict.worker for unit in outcome.view.units for verdict in unit.verdicts]
    return list(dict.fromkeys(asked + judged))


def _worker(outcome: Outcome, worker: Address, index: int) -> dict[str, Any]:
    units = [unit for unit in outcome.view.units if unit.worker == worker]
    device = next((unit.device for unit in units if unit.device), "device unknown")
    seconds = sum(unit.render_seconds for unit in units)
    return {
        "name": short(worker),
        "full": "0x" + worker.hex(),
        "colour": index % COLOURS,
        "did": f"{_count(len(units), 'tile')}, {seconds:.1f} s, {device}" if units else "no tiles",
    }


def _frames(outcome: Outcome, folder: Path, number: dict[Address, int]) -> list[dict[str, Any]]:
    left = MOST_EMBEDDED
    shown = []
    for frame in outcome.frames:
        png = folder / frame.png
        size = png.stat().st_size
        embedded = size <= left
        left -= size if embedded else 0
        source = _data_url(png) if embedded else frame.png
        tiles = _tiles(outcome, frame, number)
        inset = round(frame.width / OUTLINE, 3)
        shown.append({"frame": frame, "source": source, "tiles": tiles, "inset": inset})
    return shown


def _data_url(png: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode()


def _tiles(outcome: Outcome, frame: FinishedFrame, number: dict[Address, int]) -> list[dict[str, Any]]:
    """Rects in pixels of the picture, which starts at the region's corner when the scene crops to it."""
    region = outcome.order.scene.region
    dx, dy = (-region.x0, -region.y0) if region and outcome.order.scene.crop else (0, 0)
    shown = []
    for tile, unit in zip(outcome.tiles, outcome.view.units, strict=True):
        if tile.frame != frame.number or unit.worker is None:
            continue
        rect = tile.rect.moved(dx, dy)
        title = (
            f"tile {unit.unit}: {tile.rect.x0},{tile.rect.y0} to {tile.rect.x1},{tile.rect.y1}\n"
            f"{short(unit.worker)}, attempt {unit.attempt}, {unit.render_seconds:.2f} s,"
            f" {outcome.money.text(unit.price or 0)}\n"
            + "\n".join(f"{v.outcome.lower()}: {v.reason}" for v in unit.verdicts)
        )
        colour = number[unit.worker] % COLOURS
        shown.append({"rect": rect, "colour": colour, "title": title, "again": unit.attempt > 1})
    return shown


def _verdict(
    outcome: Outcome, unit: UnitView, verdict: VerdictView, number: dict[Address, int]
) -> dict[str, Any]:
    tile = outcome.tiles[unit.unit]
    return {
        "frame": tile.frame,
        "tile": unit.unit,
        "rect": f"{tile.rect.x0},{tile.rect.y0} – {tile.rect.x1},{tile.rect.y1}",
        "worker": short(verdict.worker),
        "colour": number[verdict.worker] % COLOURS,
        "outcome": verdict.outcome.lower(),
        "rejected": verdict.outcome is not Judged.ACCEPTED,
        "statistic": f"{verdict.statistic:.1f}",
        "threshold": f"{verdict.threshold:g}",
        "pixels": verdict.probe_pixels,
        "seconds": f"{verdict.probe_seconds:.2f}",
        "reason": verdict.reason,
    }
