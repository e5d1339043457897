"""Sends a scene's blobs: those that the coordinator lacks, one after the other."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tegula_market.adapters.blobs import BlobClient
from tegula_market.model import Digest

Tell = Callable[[int, int], None]
"""Takes bytes sent and bytes to send."""


def upload(
    here: BlobClient, blobs: Mapping[Digest, Path | bytes], tell: Tell = lambda _sent, _to_send: None
) -> Iterator[tuple[int, int]]:
    """
    Args:
        tell: hears of each megabyte within a blob, too; what it raises stops the blob.
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
            here.upload(blob, digest, partial(_within, tell, sent, to_send))
        sent += _size(blob)
        yield sent, to_send


def _within(tell: Tell, before: int, to_send: int, sent: int) -> None:
    tell(before + sent, to_send)


def _size(blob: Path | bytes) -> int:
    return len(blob) if isinstance(blob, bytes) else blob.stat().st_size
