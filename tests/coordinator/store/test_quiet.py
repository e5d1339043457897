from pathlib import Path

import pytest

from coordinator.store.test_log import leading
from tegula_coordinator.store import EventLog, StoreError, quiet


def _leads(log: EventLog) -> bool:
    try:
        return log.lead()
    except StoreError:  # where nobody can stand by
        return False


def test_nobody_leads_meanwhile(url: str) -> None:
    log = EventLog(url)
    with quiet(url):
        assert not _leads(log)
    assert log.lead()
    log.close()


def test_not_while_somebody_leads(url: str) -> None:
    log = leading(url)
    with pytest.raises(StoreError, match=r"coordinator serves from .*end it first"), quiet(url):
        pass
    log.close()
    with quiet(url):
        pass


def test_what_cannot_be_reached_is_a_sentence(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/nowhere/book.db", "postgresql://me@127.0.0.1:1/book"):
        with pytest.raises(StoreError, match="cannot"), quiet(url):
            pass
