"""Sends a scene's blobs: those that the coordinator lacks, one after the other."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tegula_market.adapters.blobs import BlobClient
from tegula_market.model import Digest


def upload(here: BlobClient, blobs: Mapping[Digest, Path | bytes]) -> Iterator[tuple[int, int]]:
    """
    Yields:
        bytes sent and bytes to send, before the first blob and after each; whoever asks no more stops it.
    Raises:
        BlobError: a blob was not taken, or cannot be read.
    """
    missing = here.missing(list(blobs))
    to_send, sent = sum(_size(blobs[digest]) for digest in missing), 0
    yield sent, to_send
    for digest in missing:
        blob = blobs[digest]
        if isinstance(blob, bytes):
            here.upload_bytes(blob)
        else:
            here.upload(blob, digest)
        sent += _size(blob)
        yield sent, to_send


def _size(blob: Path | bytes) -> int:
    return len(blob) if isinstance(blob, bytes) else blob.stat().st_size
