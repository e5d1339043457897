"""Home of SQLAlchemy and Alembic: the event log, the only truth that the coordinator keeps.

SQLite by default, PostgreSQL by URL. Calls block; the shell makes them in a thread.
"""

from tegula_coordinator.store.database import StoreError, file_of
from tegula_coordinator.store.log import EventLog, Recorded
from tegula_coordinator.store.quiet import quiet

__all__ = ["EventLog", "Recorded", "StoreError", "file_of", "quiet"]
