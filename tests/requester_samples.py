"""Jobs that have ended, made by hand, for the tests of what a requester does with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tegula.outcome import FinishedFrame, Outcome, Payment, Span
from tegula_blender.job_view import AskView, JobPhase, JobView, Owed, UnitPhase, UnitView, VerdictView
from tegula_blender.money import Money
from tegula_market import auction, tiling
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    Order,
    Scene,
    Terms,
    Wei,
    WorkerId,
    lease_id,
)
from tegula_market.model import Outcome as Judged

ANN, BEN, CLEO = (Address(bytes([number]) * 20) for number in (0xA1, 0xB2, 0xC3))
JOB = JobId(bytes([7]) * 32)
DOLLAR = Money("USD", 6)


def order(width: int = 96, height: int = 64, tile: int = 32, frames: tuple[int, ...] = (1,)) -> Order:
    address = Address(bytes([1]) * 20)
    terms = Terms(address, address, address, address, 2_000_000_000, 3600, bytes(32))
    scene = Scene(Digest(bytes(32)), "4.5.15", width, height, 100, None, False, 16, 0, None, 1)
    return Order(terms, scene, frames, tile, 0, Wei(100))


def view(ordered: Order, price: int = 50) -> JobView:
    """Every tile accepted: Ann's and Ben's in turn; Ben's second tile was rejected once, from Cleo."""
    units = []
    owed: dict[Address, int] = {}
    for tile in tiling.split(ordered):
        worker = (ANN, BEN)[tile.index % 2]
        cost = auction.price_of(tiling.size(tile, ordered.scene), Wei(price))
        owed[worker] = owed.get(worker, 0) + cost
        verdicts = [verdict(tile.index, 1, worker)]
        if tile.index == 3:
            verdicts = [verdict(3, 1, CLEO, Judged.REJECTED, 0.8), verdict(3, 2, worker)]
        units.append(
            UnitView(
                tile.index,
                UnitPhase.ACCEPTED,
                len(verdicts),
                worker,
                cost,
                image_digest(tile.index),
                0.5 + tile.index / 10,
                0.04,
                "CPU",
                tuple(verdicts),
            )
        )
    asks = (
        AskView(ANN, WorkerId(bytes(32)), Wei(40), 1, True, "", ""),
        AskView(BEN, WorkerId(bytes([1]) * 32), Wei(price), 1, True, "", ""),
        AskView(
            CLEO,
            WorkerId(bytes([2]) * 32),
            Wei(130),
            2,
            False,
            "ABOVE_CEILING",
            "The ask is 130 a megasample; the job pays at most 100.",
        ),
    )
    dues = tuple(Owed(worker, Wei(total), Wei(0)) for worker, total in owed.items())
    return JobView(JOB, JobPhase.DONE, "", Wei(price), asks, tuple(units), dues, 2, 1, 40, "")


def verdict(
    unit: int,
    attempt: int,
    worker: Address,
    outcome: Judged = Judged.ACCEPTED,
    statistic: float = 0.0,
) -> VerdictView:
    reason = "256 of 256 pixels agree" if outcome is Judged.ACCEPTED else "204 of 256 pixels differ"
    lease = lease_id(JOB, unit, attempt)
    return VerdictView(lease, outcome, statistic, 0.02, 256, 0.21, reason, bytes(32), worker)


def image_digest(unit: int) -> Digest:
    return digest(b"image of unit %d" % unit)


def outcome(folder: Path, ordered: Order | None = None) -> Outcome:
    """A finished job whose frames lie in `folder`."""
    ordered = ordered or order()
    seen = view(ordered)
    width, height = tiling.frame_size(ordered.scene.resolution_x, ordered.scene.resolution_y, 100)
    frames = []
    for number in ordered.frames:
        write_png(folder / f"frame_{number:04}.png", width, height)
        frames.append(
            FinishedFrame(number, width, height, f"frame_{number:04}.exr", f"frame_{number:04}.png")
        )
    owed = {dues.worker: dues.cumulative for dues in seen.owed}
    payments = tuple(
        Payment(worker, owed[worker], tx)
        for worker, tx in ((ANN, bytes([9]) * 32), (BEN, None))
        if worker in owed
    )
    funded = auction.most((tiling.size(t, ordered.scene) for t in tiling.split(ordered)), ordered.ceiling)
    spans = tuple(
        span
        for unit in seen.units
        for span in (
            Span("0x" + (ANN, BEN)[unit.unit % 2].hex(), unit.unit, unit.unit / 2, unit.unit / 2 + 0.5),
            Span("probes", unit.unit, unit.unit / 2 + 0.5, unit.unit / 2 + 0.7),
        )
    )
    seconds = {
        "total": 9.5,
        "inspect": 1.2,
        "chain": 0.3,
        "upload": 0.2,
        "market": 6.0,
        "transfer": 0.2,
        "stitch": 0.1,
        "develop": 1.0,
        "settle": 0.5,
        "load": 0.08,
        "tiles": 4.0,
        "probes": 1.3,
    }
    return Outcome(
        scene="roof <tiles>.blend",
        order=ordered,
        tiles=tiling.split(ordered),
        view=seen,
        frames=tuple(frames),
        payments=payments,
        funded=funded,
        refund=Wei(funded - sum(owed.values())),
        open_tx=bytes([5]) * 32,
        close_tx=bytes([6]) * 32,
        escrow=Address(bytes([4]) * 20),
        chain_id=1337,
        spans=spans,
        seconds=seconds,
        money=DOLLAR,
    )


def with_units(seen: JobView, *units: UnitView) -> JobView:
    changed = {unit.unit: unit for unit in units}
    return replace(seen, units=tuple(changed.get(unit.unit, unit) for unit in seen.units))


def write_png(path: Path, width: int, height: int) -> None:
    """A picture of that size, by the PNG specification: no image library is at hand."""
    import struct
    import zlib

    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // width, y * 255 // height, 0 * x + 90], axis=-1).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in rgb)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
