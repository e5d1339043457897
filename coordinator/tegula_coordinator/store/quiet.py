"""Keeps a database from being served from, while it is put in place."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy.exc import SQLAlchemyError

from tegula_coordinator.store import database, leading
from tegula_coordinator.store.database import StoreError


@contextmanager
def quiet(url: str) -> Iterator[None]:
    """No coordinator leads for as long as the context lasts. The folder of an SQLite file has to be there.

    Raises:
        StoreError: one does, or the database cannot be reached.
    """
    file = database.file_of(url)
    if file is not None:
        try:
            lock = leading.take_file(file)
        except OSError as error:
            raise StoreError(f"cannot lock the database {file}: {error.strerror}") from error
        with closing(lock):
            yield
        return
    engine = database.open_engine(url)
    try:
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            shown = database.shown(engine.url)
            raise StoreError(f"cannot open the database {shown}: {error}") from error
        with connection:
            if not leading.take(connection):
                raise StoreError("a coordinator serves from this database; end it first")
            yield
    finally:
        engine.dispose()
