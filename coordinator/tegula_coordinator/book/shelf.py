"""Closed jobs, put away: nothing about their units changes any more, and hardly anybody asks.

A unit with its lease, result and verdict takes 1,200 bytes. They are kept, since a requester may look at its
job again, and a worker may not have heard a verdict; but packed, in a sixth of it. They are thrown away when
the job can neither be disputed nor its tiles be fetched any more: `retention`.
"""

from collections.abc import Iterator, Sequence
from copy import copy

from tegula_coordinator.book import plain
from tegula_coordinator.book.job import Away, Job
from tegula_market.model import Address, Verdict

FIELDS = (
    "sizes", "units", "last", "results", "payees", "changed", "forfeits",
    "asks", "taken", "declined", "barred", "expired", "returned", "unjudged", "rendering",
)  # fmt: skip
"""Of a job, which no event looks at once it is closed."""
TOGETHER = 64
"""Units whose verdicts are packed together: for one of a large job not all of it is to be unpacked."""


def put_away(job: Job) -> None:
    for _ in putting_away(job):
        pass


def putting_away(job: Job) -> Iterator[None]:
    """As `put_away`, in short steps: 1,000 units take 50 ms. The last one alone changes the job,
    and lets go of what it had, which of 40,000 units takes 40 ms."""
    fields = [getattr(job, name) for name in FIELDS]
    verdicts = []
    for start in range(0, len(job.units), TOGETHER):
        units = range(start, start + TOGETHER)
        part = {unit: job.verdicts[unit] for unit in units if unit in job.verdicts}
        verdicts.append(plain.pack(Job, ("verdicts",), [part]))
        yield
    packed = bytearray()
    for piece in plain.packing(Job, FIELDS, fields):
        packed += piece
        yield
    if job.forgotten or job.away is not None:  # meanwhile; packed twice, it would be empty
        return
    job.away = Away(bytes(packed), tuple(verdicts))
    job.verdicts = {}
    for name, value in zip(FIELDS, fields, strict=True):
        setattr(job, name, type(value)())


def throw_away(job: Job) -> None:
    """What was put away, or is as it would be."""
    job.stopped = job.phase  # which is not told by its units any more
    for name in FIELDS:
        setattr(job, name, type(getattr(job, name))())
    job.verdicts, job.away, job.queue, job.forgotten = {}, None, [], True


def whole(job: Job) -> Job:
    """The job with all that it had; one that was put away is copied, and stays so.

    Of one that was, 1,000 units take 27 ms. Any thread may ask: what was put away changes no more, unless all
    of it is thrown away.
    """
    found = copy(job)
    away, found.away = found.away, None
    if away is None:
        return job
    found.verdicts = {unit: on for part in away.verdicts for unit, on in _verdicts(part).items()}
    for name, value in plain.unpack(Job, away.fields).items():
        setattr(found, name, value)
    return found


def verdicts(job: Job, unit: int) -> Sequence[tuple[Address, Verdict]]:
    """On a unit of a job, with whom each was about, whether it was put away or not."""
    if job.away is None:
        return job.verdicts.get(unit, ())
    if not 0 <= unit < TOGETHER * len(job.away.verdicts):
        return ()
    return _verdicts(job.away.verdicts[unit // TOGETHER]).get(unit, ())


def _verdicts(packed: bytes) -> dict[int, list[tuple[Address, Verdict]]]:
    found: dict[int, list[tuple[Address, Verdict]]] = plain.unpack(Job, packed)["verdicts"]
    return found
