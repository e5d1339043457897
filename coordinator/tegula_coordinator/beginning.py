"""Where a replay of the log begins: at the newest checkpoint that can be read, or at the first event."""

import structlog

from tegula_coordinator.book import Book, checkpoint
from tegula_coordinator.book.plain import Unreadable
from tegula_coordinator.store import EventLog, StoreError

log = structlog.get_logger(__name__)


def begin(book: Book, events: EventLog) -> int:
    """Makes the book what it was after some event, and says after which; 0 for a new one.

    A checkpoint of another version may lack what that version's book did not know. With all events there,
    these are asked instead, which takes longer and is right by itself.

    Raises:
        StoreError: events are cut, and no checkpoint behind which they were can be read.
    """
    known = events.checkpoints.all()
    cut = max((each.seq for each in known if each.cut), default=0)
    reasons = []
    for each in known:
        if each.seq < cut or (not cut and each.mark != checkpoint.mark()):
            continue
        try:
            checkpoint.restore(book, events.checkpoints.body(each))
        except (Unreadable, StoreError) as error:
            log.warning("checkpoint not used", events=each.seq, version=each.version, reason=str(error))
            reasons.append(f"the one after event {each.seq}, of version {each.version}, {error}")
        else:
            log.info("book read from a checkpoint", events=each.seq, version=each.version)
            return each.seq
    if cut:
        raise StoreError(
            "the event log was cut, and no checkpoint of the book can be read; start with the version that"
            f" wrote it, or restore a backup: {'; '.join(reasons)}"
        )
    checkpoint.reset(book)
    return 0
