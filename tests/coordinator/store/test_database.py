from pathlib import Path

import pytest

from tegula_coordinator.store import EventLog, StoreError, database


def test_sqlite_keeps_what_was_acknowledged_through_a_power_cut(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'book.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_sqlite_waits_while_another_writes(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'book.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    engine.dispose()


def test_a_table_that_is_made_in_a_transaction_goes_with_it(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'book.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE half (a)")
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    engine.dispose()


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the database"):
        EventLog(f"sqlite:///{tmp_path}/no/such/folder/book.db")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(StoreError, match="cannot open the database postgresql"):
        EventLog("postgresql://operator@127.0.0.1:1/book")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+nosuchdriver://operator:hunter2@localhost/book", "cannot open the database"),
        ("mysql://operator:hunter2@localhost/book", "want sqlite"),
        ("hunter2", "want a URL"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        EventLog(url)
    assert "hunter2" not in str(caught.value)
