"""The store's suite runs on every kind of database that it can have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import PostgreSQL, postgresql


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database that is not there yet, or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book.db'}"
    running: PostgreSQL = request.getfixturevalue("server")
    return running.fresh()
