"""What must outlive a kill: jobs with their vouchers and leaves of roots, results not acknowledged, tallies.

One JSON file each, as `codec` spells it, replaced as a whole. Losing a voucher would be losing money.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tegula_market import codec
from tegula_market.adapters import durable
from tegula_market.codec import MalformedInput
from tegula_market.model import JobId, LeaseId, Order, Result, SignedVoucher, TegulaError, Wei
from tegula_market.vouchers import Domain
from tegula_worker import room
from tegula_worker.tallies import Sums, Tally

FOLDERS = "jobs", "results", "tallies"

T = TypeVar("T")


class StoreError(TegulaError):
    """What lies in the data folder cannot be read or written; the message names the file."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a root on chain has for this worker."""

    cumulative: Wei
    root: bytes
    proof: tuple[bytes, ...]
    final_at: int = 0
    """Unix seconds of the chain, when it was last looked at: a dispute moves it."""
    stands: bool = False
    """The chain has the root, and it covers this. Roots are voided, and lost and found in reorganisations."""


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
    leaf: Leaf | None = None

    @property
    def vouchered(self) -> Wei:
        """What the voucher is good for, all in all."""
        return self.voucher.voucher.cumulative if self.voucher else Wei(0)

    @property
    def standing(self) -> Leaf | None:
        """The leaf if it is what to claim by: what a root reserves is not there for vouchers."""
        leaf = self.leaf
        return leaf if leaf and leaf.stands and leaf.cumulative >= self.vouchered else None

    @property
    def earned(self) -> Wei:
        """What can be claimed, now or once a root is final, all in all."""
        return self.standing.cumulative if self.standing else self.vouchered

    @property
    def expiry(self) -> int:
        """Unix seconds: until then it can be claimed, whatever the requester does."""
        terms = self.order.terms
        begins = max(self.standing.final_at, terms.deadline) if self.standing else terms.deadline
        return begins + terms.grace


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
    """
    Args:
        tidy: make folders, and remove what a kill left half written. Not while a worker runs on them.
    """

    def __init__(self, folder: Path, *, tidy: bool = True) -> None:
        self._jobs, self._results, self._tallies = (folder / name for name in FOLDERS)
        self._sums = folder / "tallies" / "sums.json"
        if tidy:
            self._tidy(folder)

    def _tidy(self, folder: Path) -> None:
        for each in (self._jobs, self._results, self._tallies):
            each.mkdir(parents=True, exist_ok=True)
            for partial in each.glob(".*"):  # of a worker that was killed
                partial.unlink()
        durable.settle(folder)

    def keep_job(self, record: JobRecord) -> None:
        _write(self._job_file(record.job), record)

    def job(self, job: JobId) -> JobRecord | None:
        path = self._job_file(job)
        return _read(JobRecord, path) if path.exists() else None

    def jobs(self) -> Iterator[JobRecord]:
        return _all(JobRecord, self._jobs.glob("*.json"))

    def drop_job(self, job: JobId) -> None:
        self._job_file(job).unlink(missing_ok=True)

    def keep_tally(self, tally: Tally) -> None:
        _write(self._tally_file(tally.job), tally)

    def tally(self, job: JobId) -> Tally | None:
        path = self._tally_file(job)
        return _read(Tally, path) if path.exists() else None

    def tallies(self) -> Iterator[Tally]:
        return _all(Tally, (path for path in self._tallies.glob("*.json") if path != self._sums))

    def drop_tally(self, job: JobId) -> None:
        self._tally_file(job).unlink(missing_ok=True)

    def keep_sums(self, sums: Sums) -> None:
        _write(self._sums, sums)

    def sums(self) -> Sums:
        return _read(Sums, self._sums) if self._sums.exists() else Sums()

    def keep_result(self, result: Result) -> None:
        _write(self._result_file(result.lease), result)

    def drop_result(self, lease: LeaseId) -> None:
        self._result_file(lease).unlink(missing_ok=True)

    def results(self) -> Iterator[Result]:
        return _all(Result, self._results.glob("*.json"))

    def _job_file(self, job: JobId) -> Path:
        return self._jobs / f"{job.hex()}.json"

    def _tally_file(self, job: JobId) -> Path:
        return self._tallies / f"{job.hex()}.json"

    def _result_file(self, lease: LeaseId) -> Path:
        return self._results / f"{lease.replace('/', '-')}.json"


def _all(kind: type[T], paths: Iterable[Path]) -> Iterator[T]:
    for path in sorted(paths):
        try:
            yield _read(kind, path)
        except StoreError:
            if path.exists():  # else dropped since it was listed
                raise


def _read(kind: type[T], path: Path) -> T:
    try:
        return codec.loads(kind, path.read_bytes())
    except (OSError, MalformedInput) as error:
        raise StoreError(f"cannot read {path}: {error}; move it away to go on without it") from error


def _write(path: Path, value: object) -> None:
    """On the disk when this returns, the name included.

    Raises:
        NoRoom: the disk is full; what was there before still is.
    """
    try:
        with room.told(f"cannot write {path}"):
            durable.replace(path, codec.dumps(value))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
