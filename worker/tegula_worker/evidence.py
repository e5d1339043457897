"""What verdicts against this worker stand on, kept for its provider to replay: `tegula verify FILE`."""

import asyncio
from pathlib import Path

import structlog

from tegula_market.adapters.blobs import BlobClient, BlobError, NotYet
from tegula_market.model import LeaseId

KEPT = 50
"""Bundles, the newest."""
MAX_BYTES = 4 << 30
LATER_SECONDS = 15.0
"""A coordinator keeps a bundle back while its images could be delivered by somebody who never rendered."""

log = structlog.get_logger(__name__)


class EvidenceFolder:
    """
    Args:
        later: seconds until a bundle that cannot be had yet is asked for again.
    """

    def __init__(self, folder: Path, later: float = LATER_SECONDS) -> None:
        self._folder = folder
        self._later = later
        self._blobs: BlobClient | None = None
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob(".*"):  # of a worker that was killed
            partial.unlink()

    def use(self, blobs: BlobClient) -> None:
        self._blobs = blobs

    async def keep(self, lease: LeaseId) -> None:
        """Until the bundle is here or cannot be had, which the log tells and nobody else minds."""
        while True:
            if await asyncio.to_thread(self._settled, lease):
                return
            await asyncio.sleep(self._later)

    def _settled(self, lease: LeaseId) -> bool:
        assert self._blobs is not None  # no verdict comes before the token
        path = self._folder / f"{lease.replace('/', '-')}.zip"
        try:
            self._blobs.fetch_evidence(lease, path, MAX_BYTES)
        except NotYet as error:
            log.info("evidence comes later", lease=lease, reason=str(error))
            return False
        except BlobError as error:
            log.warning("no evidence", lease=lease, reason=str(error))
            return True
        log.info("evidence kept", lease=lease, replay=f"tegula verify {path.absolute()}")
        self._tidy()
        return True

    def _tidy(self) -> None:
        kept = sorted(self._folder.glob("*.zip"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-KEPT]:
            path.unlink()
