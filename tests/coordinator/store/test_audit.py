from collections.abc import Iterator
from contextlib import closing

import pytest

from coordinator.store.test_log import leading
from tegula_coordinator.store import Act, AuditLog, Entry, StoreError

ENTRIES = [
    Entry(1.0, "ann", Act.ORDER, "0x01"),
    Entry(2.0, "bob", Act.ORDER, "0x02"),
    Entry(3.0, "ann", Act.CANCEL, "0x01", "enough"),
    Entry(4.0, "ann", Act.ORDER, "0x03"),
]


@pytest.fixture
def audit(url: str) -> Iterator[AuditLog]:
    leading(url).close()
    with closing(AuditLog(url)) as opened:
        yield opened


def test_what_was_done_is_told_in_its_order(audit: AuditLog) -> None:
    for entry in ENTRIES:
        audit.add(entry)
    assert audit.last(10) == ENTRIES
    assert audit.last(2) == ENTRIES[2:]
    assert audit.last(2, "ann") == [ENTRIES[2], ENTRIES[3]]
    assert audit.last(2, "nobody") == []
    assert audit.subjects("ann", Act.ORDER) == {"0x01", "0x03"}


def test_what_comes_from_outside_is_kept_bounded_and_readable(audit: AuditLog) -> None:
    audit.add(Entry(1.0, "w" * 100, Act.REFUSED, "GET /\x00\x1b[2J" + "s" * 100, "d\n" * 1000))
    (kept,) = audit.last(1)
    assert (kept.who, kept.subject) == ("w" * 64, "GET /??[2J" + "s" * 70)
    assert kept.detail == "d?" * 100


def test_a_database_without_one_is_a_sentence(url: str) -> None:
    with closing(AuditLog(url)) as audit, pytest.raises(StoreError, match="read or write the audit log"):
        audit.last(1)
