"""Where the time went, as bars and lanes for report.html."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tegula_blender.session.worklog import PROBES, Span
from tegula_market.model import Address

STEPS = {
    "start": "starting up",
    "inspect": "reading the scene",
    "chain": "deposit",
    "upload": "upload",
    "market": "auction, rendering, probes",
    "transfer": "fetching tiles",
    "stitch": "stitching",
    "develop": "developing",
    "settle": "closing and claims",
}
"""The wall-clock parts of `Outcome.seconds`, in order."""
SUMS = {"load": "loading the scene", "tiles": "rendering tiles", "probes": "rendering probes"}


def bar(seconds: dict[str, float], names: dict[str, str]) -> list[dict[str, Any]]:
    """Shares in percent of the parts' sum, with parts that took no time left out."""
    total = sum(seconds.get(name, 0.0) for name in names)
    parts = [(label, seconds.get(name, 0.0), index) for index, (name, label) in enumerate(names.items())]
    return [
        {"label": label, "seconds": f"{value:.1f} s", "share": 100 * value / total, "colour": index}
        for label, value, index in parts
        if value > 0.0005 * total
    ]


def lanes(
    spans: Sequence[Span], workers: Sequence[tuple[Address, str]], colours: int
) -> list[dict[str, Any]]:
    """Who worked when: a lane for each worker and one for the probes, in percent of the whole stretch.

    Args:
        workers: address and name of each, in the order of their colours.
    """
    if not spans:
        return []
    end = max(span.end for span in spans)
    by_lane: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span in spans:
        by_lane[span.lane].append(_place(span, end))
    named = {"0x" + worker.hex(): (name, index % colours) for index, (worker, name) in enumerate(workers)}
    named[PROBES] = ("probes", colours)
    return [
        {"name": name, "colour": colour, "spans": by_lane[lane], "end": f"{end:.1f} s"}
        for lane, (name, colour) in named.items()
        if by_lane[lane]
    ]


def _place(span: Span, end: float) -> dict[str, Any]:
    start = max(span.start, 0.0)
    return {
        "left": 100 * start / end,
        "width": 100 * max(span.end - start, 0.0) / end,
        "title": f"tile {span.unit}: {span.end - span.start:.2f} s",
    }
