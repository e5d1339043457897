"""Home of SQLAlchemy and Alembic: the event log, the market's only truth, and who may use the coordinator.

SQLite by default, PostgreSQL by URL. Calls block; the shell makes them in a thread.
"""

from tegula_coordinator.store.audit import Act, AuditLog, Entry
from tegula_coordinator.store.checkpoints import Checkpoint, CheckpointTable
from tegula_coordinator.store.database import StoreError, file_of
from tegula_coordinator.store.log import EventLog, Extent, Oldest, Recorded
from tegula_coordinator.store.quiet import quiet
from tegula_coordinator.store.tokens import TokenTable

__all__ = [
    "Act",
    "AuditLog",
    "Checkpoint",
    "CheckpointTable",
    "Entry",
    "EventLog",
    "Extent",
    "Oldest",
    "Recorded",
    "StoreError",
    "TokenTable",
    "file_of",
    "quiet",
]
