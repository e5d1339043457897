"""What verdicts stand on, kept: one small file for each audited result; the images are blobs."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tegula_coordinator.blobs import Blobs
from tegula_market import codec
from tegula_market.adapters import bundles, durable
from tegula_market.evidence import Evidence
from tegula_market.model import Digest, JobId, TegulaError, lease_parts

FLUSHERS = 8
"""Threads that ask the disk for something at a time."""


class NoEvidence(TegulaError):
    """There is none of that result: it was not judged, or was not the one that was drawn from its batch."""


class EvidenceFolder:
    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs
        self._kept: dict[Path, None] = {}
        """Not settled yet."""
        self._flushers = ThreadPoolExecutor(FLUSHERS)

    def keep(self, stated: Evidence) -> None:
        """There, whole and for good, once `settle` has returned; before that it is not there. Blocks.

        Raises:
            OSError: it is not kept.
        """
        path = self._path(*lease_parts(stated.verdict.lease))
        partial = _partial(path)  # one that a kill left is written over with the next try
        try:
            partial.write_bytes(codec.dumps(stated))
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.settle(self._folder)
            partial.write_bytes(codec.dumps(stated))
        self._kept[path] = None

    def settle(self) -> None:
        """All that was kept is on the disk when this returns, whatever happens to the power. Blocks.

        For several at a time, since a disk writes together what it is asked for at once: one by one it would
        bound how many tiles a coordinator can have judged.

        Raises:
            OSError: some of it is not there.
        """
        kept, self._kept = self._kept, {}
        list(self._flushers.map(durable.settle, map(_partial, kept)))
        for path in kept:
            _partial(path).replace(path)
        for folder in dict.fromkeys(path.parent for path in kept):
            durable.settle(folder)

    def bundle(self, job: JobId, unit: int, attempt: int, path: Path) -> None:
        """Writes it at `path`. Blocks.

        Raises:
            NoEvidence: of that attempt.
        """
        try:
            stated = codec.loads(Evidence, self._path(job, unit, attempt).read_bytes())
        except FileNotFoundError as error:
            raise NoEvidence(
                f"there is no evidence on attempt {attempt} at tile {unit}: it was not judged, or stood or"
                " fell with another of its batch, which its verdict names, or the job ended too long ago"
            ) from error
        trial = stated.trial
        with self._blobs.at_hand((*trial.all_images, trial.order.scene.manifest)) as find:
            bundles.write(path, stated, find)

    def images(self, job: JobId) -> Iterator[Digest]:
        """All that the evidence on the job's results speaks of. Blocks."""
        for path in (self._folder / job.hex()).glob("*.json"):
            yield from codec.loads(Evidence, path.read_bytes()).trial.all_images

    def drop(self, job: JobId) -> None:
        """All that there is on the job. Blocks."""
        if (self._folder / job.hex()).exists():
            shutil.rmtree(self._folder / job.hex())

    def _path(self, job: JobId, unit: int, attempt: int) -> Path:
        return self._folder / job.hex() / f"{unit}-{attempt}.json"


def _partial(path: Path) -> Path:
    return path.with_suffix(".partial")
