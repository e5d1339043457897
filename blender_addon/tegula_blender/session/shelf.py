"""What the extension keeps of its jobs between two starts of Blender: a folder for each, with a record in it.

A record is written before money moves, so that no crash can make a deposit's terms unknown.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tegula_market import codec
from tegula_market.adapters import light
from tegula_market.codec import MalformedInput
from tegula_market.model import Address, JobId, Order
from tegula_market.vouchers import Domain

RECORD = "job.json"


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    """For people."""
    url: str
    """Of the coordinator."""
    chain_id: int
    escrow: Address
    order: Order
    blend: str
    """The scene, whose denoising settings hold: the artist's file, or a copy in a folder of `scratch`."""
    layers: tuple[str, ...]
    """View layers that are denoised."""
    opened: float
    """Unix seconds."""
    settled: bool = False
    """The rest of the deposit is back."""

    @property
    def job(self) -> JobId:
        return light.job_id(self.order.terms)

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.escrow)


class Shelf:
    """
    Args:
        folder: the extension's own.
    """

    def __init__(self, folder: Path) -> None:
        self._jobs, self._scenes = folder / "jobs", folder / "scenes"

    def scratch(self) -> Path:
        """A new folder for a scene on its way; it lasts until a start at which no open job needs it."""
        self._scenes.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._scenes))

    def sweep(self) -> None:
        """Removes the scenes that no open job needs to be finished."""
        needed = {Path(record.blend).parent for record in self.records() if not record.settled}
        for scene in self._scenes.glob("*"):
            if scene not in needed:
                shutil.rmtree(scene)

    def folder(self, job: JobId) -> Path:
        made = self._jobs / job.hex()
        made.mkdir(parents=True, exist_ok=True)
        return made

    def keep(self, record: Record) -> None:
        """Appears whole or not at all."""
        path = self.folder(record.job) / RECORD
        partial = path.with_suffix(".partial")
        partial.write_bytes(codec.dumps(record))
        partial.replace(path)

    def tiles(self, job: JobId) -> Path:
        """Where its tiles are kept until it is settled: one that is resumed fetches none of them again."""
        made = self.folder(job) / "tiles"
        made.mkdir(exist_ok=True)
        return made

    def settle(self, job: JobId) -> None:
        record = self.find(job)
        if record is not None:
            shutil.rmtree(self.tiles(job))
            self.keep(replace(record, settled=True))

    def drop(self, job: JobId) -> None:
        shutil.rmtree(self.folder(job))

    def find(self, job: JobId) -> Record | None:
        return next((record for record in self.records() if record.job == job), None)

    def records(self) -> list[Record]:
        """The newest first; what cannot be read is left out and left where it is."""
        return sorted(self._read(), key=lambda record: record.opened, reverse=True)

    def trim(self, most: int, spared: Collection[JobId] = ()) -> set[JobId]:
        """Forgets settled jobs, the oldest first, until no more than so many bytes are kept.

        Args:
            spared: jobs that stay.
        Returns:
            what was forgotten.
        """
        sizes, dropped = {record.job: _size(self.folder(record.job)) for record in self.records()}, set()
        for record in reversed(self.records()):
            if sum(sizes.values()) <= most:
                break
            if record.settled and record.job not in spared:
                self.drop(record.job)
                dropped.add(record.job)
                del sizes[record.job]
        return dropped

    def _read(self) -> Iterator[Record]:
        for path in self._jobs.glob(f"*/{RECORD}"):
            try:
                yield codec.loads(Record, path.read_bytes())
            except (OSError, MalformedInput):
                continue


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
