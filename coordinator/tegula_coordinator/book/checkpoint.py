"""The whole book as bytes, and back: where a replay of the log can begin."""

import dataclasses
import hashlib
import json

from tegula_coordinator.book import plain
from tegula_coordinator.book.state import Book
from tegula_market.digests import SIZE
from tegula_market.model import Digest

GIVEN = "sizes", "timing"
"""Of the book, what the program and its configuration say, and no event."""
FIELDS = tuple(field.name for field in dataclasses.fields(Book) if field.name not in GIVEN)


def pack(book: Book) -> bytes:
    return plain.pack(Book, FIELDS, [getattr(book, name) for name in FIELDS])


def restore(book: Book, data: bytes) -> None:
    """Makes this book what that one was. What that one could not know has its default.

    Raises:
        Unreadable: damaged, or of a program whose book this one cannot read; nothing has changed.
    """
    found = plain.unpack(Book, data)
    reset(book)
    for name, value in found.items():
        setattr(book, name, value)


def reset(book: Book) -> None:
    """As before the first event."""
    fresh = Book(book.sizes, book.timing)
    for name in FIELDS:
        setattr(book, name, getattr(fresh, name))


def mark() -> Digest:
    """Of all that a checkpoint of this program can hold.

    In one with another mark, a field may have its default where a replay would have found more.
    """
    said = json.dumps([FIELDS, plain.shape(Book, FIELDS)]).encode()
    return Digest(hashlib.blake2b(said, digest_size=SIZE).digest())
