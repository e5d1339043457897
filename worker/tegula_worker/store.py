"""What must outlive a kill: the jobs worked for, with their vouchers, and results nobody has acknowledged.

One JSON file each, as `codec` spells it, replaced as a whole. Losing a voucher would be losing money.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import JobId, LeaseId, Order, Result, SignedVoucher, TegulaError, Wei
from tegula_market.vouchers import Domain

T = TypeVar("T")


class StoreError(TegulaError):
    """What lies in the data folder cannot be read or written; the message names the file."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    job: JobId
    domain: Domain
    """The escrow that holds the deposit."""
    order: Order
    voucher: SignedVoucher | None = None
    """The highest so far."""
    ended: bool = False
    claimed: Wei = Wei(0)  # noqa: RUF009 a NewType's call is the number itself

    @property
    def earned(self) -> Wei:
        """What the voucher is good for, all in all."""
        return self.voucher.voucher.cumulative if self.voucher else Wei(0)


@contextmanager
def opened(folder: Path) -> Iterator["Store"]:
    """The store in the data folder, for one process at a time.

    Raises:
        StoreError: another process has it, or it cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise StoreError(f"cannot use {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"another tegula-worker uses {folder}; end it or choose another --data"
            ) from error
        yield Store(folder)


class Store:
    def __init__(self, folder: Path) -> None:
        self._jobs, self._results = folder / "jobs", folder / "results"
        for each in (self._jobs, self._results):
            each.mkdir(parents=True, exist_ok=True)
            for partial in each.glob(".*"):  # of a worker that was killed
                partial.unlink()

    def keep_job(self, record: JobRecord) -> None:
        _write(self._job_file(record.job), record)

    def job(self, job: JobId) -> JobRecord | None:
        path = self._job_file(job)
        return _read(JobRecord, path) if path.exists() else None

    def jobs(self) -> Iterator[JobRecord]:
        return (_read(JobRecord, path) for path in sorted(self._jobs.glob("*.json")))

    def keep_result(self, result: Result) -> None:
        _write(self._result_file(result.lease), result)

    def drop_result(self, lease: LeaseId) -> None:
        self._result_file(lease).unlink(missing_ok=True)

    def results(self) -> Iterator[Result]:
        return (_read(Result, path) for path in sorted(self._results.glob("*.json")))

    def _job_file(self, job: JobId) -> Path:
        return self._jobs / f"{job.hex()}.json"

    def _result_file(self, lease: LeaseId) -> Path:
        return self._results / f"{lease.replace('/', '-')}.json"


def _read(kind: type[T], path: Path) -> T:
    try:
        return codec.loads(kind, path.read_bytes())
    except (OSError, MalformedInput) as error:
        raise StoreError(f"cannot read {path}: {error}; move it away to go on without it") from error


def _write(path: Path, value: object) -> None:
    """On the disk when this returns, the name included."""
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".")
        with os.fdopen(descriptor, "wb") as file:
            file.write(codec.dumps(value))
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
