"""What verdicts stand on, kept: one small file for each audited result; the images are blobs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tegula_coordinator.blobs import Blobs
from tegula_market import codec
from tegula_market.adapters import bundles, durable
from tegula_market.evidence import Evidence
from tegula_market.model import Digest, JobId, TegulaError, lease_parts


class NoEvidence(TegulaError):
    """There is none of that result: it was not judged, or was not the one that was drawn from its batch."""


class EvidenceFolder:
    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs

    def keep(self, stated: Evidence) -> None:
        """On the disk when this returns: no power cut takes what a verdict stands on. Blocks.

        Appears whole or not at all. Whoever judges waits for it, in a program of its own, and nobody else.

        Raises:
            OSError: it is not kept.
        """
        path = self._path(*lease_parts(stated.verdict.lease))
        partial = path.with_suffix(".partial")  # one that a kill left is written over with the next try
        try:
            partial.write_bytes(codec.dumps(stated))
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            durable.settle(self._folder)
            partial.write_bytes(codec.dumps(stated))
        durable.settle(partial)
        partial.replace(path)
        durable.settle(path.parent)

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
