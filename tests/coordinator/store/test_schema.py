from pathlib import Path

import pytest
import sqlalchemy as sql

from coordinator.store.test_log import SCRIPT, leading
from tegula_coordinator.events import job_of
from tegula_coordinator.store import EventLog, StoreError, database
from tegula_market import codec

BEFORE_MIGRATIONS = """
CREATE TABLE events (
    seq INTEGER NOT NULL, at FLOAT NOT NULL, job BLOB, kind VARCHAR(32) NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (seq));
CREATE INDEX events_by_job ON events (job, seq);
"""


def change(url: str, *statements: str) -> None:
    engine = database.open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def shape(url: str) -> set[tuple[str, str]]:
    engine = database.open_engine(url)
    found = {
        (table, column["name"])
        for table in sql.inspect(engine).get_table_names()
        for column in sql.inspect(engine).get_columns(table)
    }
    engine.dispose()
    return found


def test_a_log_of_before_there_were_migrations_is_taken_over_unharmed(tmp_path: Path) -> None:
    url, new = (f"sqlite:///{tmp_path / name}" for name in ("old.db", "new.db"))
    change(url, *filter(str.strip, BEFORE_MIGRATIONS.split(";")))
    engine = database.open_engine(url)
    with engine.begin() as connection:
        insert = "INSERT INTO events (at, job, kind, body) VALUES (?, ?, ?, ?)"
        for event in SCRIPT:
            row = event.at, job_of(event), type(event).__name__, codec.dumps(event)
            connection.exec_driver_sql(insert, row)
    engine.dispose()
    log = leading(url)
    assert [r.event for r in log.replay()] == SCRIPT
    assert log.append(SCRIPT[:1]) == [len(SCRIPT) + 1]
    log.close()
    leading(new).close()
    assert shape(url) == shape(new)


def test_who_comes_again_finds_all_as_it_was(url: str) -> None:
    log = leading(url)
    log.append(SCRIPT)
    log.close()
    before = shape(url)
    log = leading(url)
    assert len(list(log.replay())) == len(SCRIPT)
    log.close()
    assert shape(url) == before


def test_a_newer_database_is_refused(url: str) -> None:
    leading(url).close()
    change(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer tegula-coordinator \(schema 9999; .*update this program"):
        EventLog(url)


def test_a_log_that_was_never_led_is_a_sentence(url: str) -> None:
    log = EventLog(url)
    with pytest.raises(StoreError, match="cannot read the event log"):
        list(log.replay())
    log.close()
