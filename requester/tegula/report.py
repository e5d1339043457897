"""The report of a job: report.json for programs, and report.html, one file that needs nothing else."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import jinja2

from tegula import report_page
from tegula.outcome import Outcome
from tegula_blender.job_view import UnitView, VerdictView
from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import Address, InvalidValue, Terms, Tile
from tegula_market.model import Outcome as Judged

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("tegula"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(outcome: Outcome, folder: Path) -> None:
    """Both files, each whole or not at all."""
    write_whole(folder / "report.json", json.dumps(as_json(outcome), indent=2) + "\n")
    page = TEMPLATES.get_template("report.html.j2").render(report_page.context(outcome, folder))
    write_whole(folder / "report.html", page)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Amounts are decimal strings of token units, rects pixels with the origin at the top left."""
    view = outcome.view
    price = view.clearing_price
    return {
        "job": codec.encode(view.job),
        "escrow": codec.encode(outcome.escrow),
        "terms": codec.encode(outcome.order.terms),
        "frames": [codec.encode(frame) for frame in outcome.frames],
        "tiles": [
            _tile(tile, unit) for tile, unit in zip(outcome.tiles, view.units, strict=True) if unit.verdicts
        ],
        "asks": [codec.encode(ask) for ask in view.asks],
        "clearing_price": None if price is None else str(price),
        "payments": [codec.encode(payment) for payment in outcome.payments],
        "refund": str(outcome.refund),
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
    }


def deposit_of(path: Path) -> tuple[Address, Terms]:
    """The escrow and the terms of a job that was reported.

    Raises:
        InvalidValue: the file is no report.json.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return codec.decode(Address, told["escrow"]), codec.decode(Terms, told["terms"])
    except OSError as error:
        raise InvalidValue(f"cannot read the report {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, MalformedInput) as error:
        raise InvalidValue(f"{path} is not the report.json of a job: {error}") from error


def deciding(unit: UnitView) -> VerdictView:
    """The verdict on the result that counts: the accepted one, or else the last."""
    accepted = [verdict for verdict in unit.verdicts if verdict.outcome is Judged.ACCEPTED]
    return (accepted or list(unit.verdicts))[-1]


def write_whole(path: Path, text: str) -> None:
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).chmod(0o644)  # mkstemp makes it private to this user
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _tile(tile: Tile, unit: UnitView) -> dict[str, Any]:
    verdict = deciding(unit)
    return {
        "frame": tile.frame,
        **codec.encode(tile.rect),
        "worker": codec.encode(verdict.worker),
        "price": str(unit.price or 0),
        "attempt": unit.attempt,
        "render_seconds": unit.render_seconds,
        "verdict": {
            "outcome": verdict.outcome.value,
            "statistic": verdict.statistic,
            "threshold": verdict.threshold,
            "probe_pixels": verdict.probe_pixels,
            "probe_seconds": verdict.probe_seconds,
        },
    }
