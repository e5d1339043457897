from pathlib import Path

import pytest

from coordinator.store.test_log import SCRIPT, await_lead, leading
from databases import PostgreSQL
from tegula_coordinator.store import EventLog, StoreError


def test_a_second_program_on_an_sqlite_file_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    first, second = leading(url), EventLog(url)
    with pytest.raises(StoreError, match=r"another coordinator serves from .*end it first"):
        second.lead()
    first.close()
    assert second.lead()
    second.append(SCRIPT)
    second.close()


@pytest.mark.slow
def test_who_stands_by_leads_once_the_leader_is_gone(server: PostgreSQL) -> None:
    url = server.fresh()
    first, second, third = leading(url), EventLog(url), EventLog(url)
    assert not second.lead()
    assert not second.lead()
    first.append(SCRIPT)
    assert len(list(second.replay())) == len(SCRIPT)
    first.close()
    await_lead(second)
    assert not third.lead()
    assert second.append(SCRIPT[:1])[0] > len(SCRIPT)
    for log in (second, third):
        log.close()


@pytest.mark.slow
def test_a_former_leader_appends_nothing(server: PostgreSQL) -> None:
    url = server.fresh()
    former, heir = leading(url), EventLog(url)
    former.append(SCRIPT[:3])
    former.confirm()
    assert server.cut(url) == 1
    await_lead(heir)
    heir.append(SCRIPT[3:5])
    for _ in range(3):
        with pytest.raises(StoreError):
            former.append(SCRIPT[:1])
        with pytest.raises(StoreError):
            former.confirm()
    assert not former.lead()
    assert [r.event for r in heir.replay()] == SCRIPT[:5]
    heir.close()
    former.close()


@pytest.mark.slow
def test_a_leader_that_is_cut_off_notices_without_appending(server: PostgreSQL) -> None:
    url = server.fresh()
    log = leading(url)
    server.cut(url)
    with pytest.raises(StoreError, match="so this program ends"):
        log.confirm()
    log.close()
