"""The digest that names a blob: BLAKE2b-256, the same that `b2sum -l 256` prints."""

import hashlib
from collections.abc import Iterable

from tegula_market.model import Digest

SIZE = 32
"""Bytes of a digest."""


def digest(data: bytes) -> Digest:
    return Digest(hashlib.blake2b(data, digest_size=SIZE).digest())


def digest_of(chunks: Iterable[bytes]) -> Digest:
    """The digest of a blob that comes in pieces; how it is cut makes no difference."""
    state = hashlib.blake2b(digest_size=SIZE)
    for chunk in chunks:
        state.update(chunk)
    return Digest(state.digest())
