"""What is on the disk after a kill."""

import errno
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FullDisk
from orders import an_order
from tegula_market import codec
from tegula_market.adapters import durable
from tegula_market.model import (
    ETHER,
    Address,
    Digest,
    JobId,
    Result,
    Signature,
    SignedVoucher,
    Voucher,
    Wei,
    lease_id,
)
from tegula_market.vouchers import Domain
from tegula_worker import store
from tegula_worker.room import NoRoom
from tegula_worker.store import JobRecord, Store, StoreError
from tegula_worker.tallies import Sums, Tally

JOB = JobId(b"\x07" * 32)
RECORD = JobRecord(JOB, Domain(31337, Address(b"\x01" * 20)), an_order())
RESULT = Result(lease_id(JOB, 3, 1), Digest(bytes(32)), 1.5, 0.0, "CPU", Signature(bytes(65)))


def test_records_come_back(tmp_path: Path) -> None:
    none = Signature(bytes(65))
    paid = replace(RECORD, voucher=SignedVoucher(Voucher(JOB, Address(bytes(20)), Wei(9)), none, none))
    first = Store(tmp_path)
    first.keep_job(RECORD)
    first.keep_job(replace(paid, ended=True, claimed=Wei(4)))
    first.keep_result(RESULT)
    again = Store(tmp_path)
    assert again.job(JOB) == replace(paid, ended=True, claimed=Wei(4))
    assert list(again.jobs()) == [again.job(JOB)]
    assert (RECORD.earned, paid.earned) == (0, 9)
    assert list(again.results()) == [RESULT]
    again.drop_result(RESULT.lease)
    again.drop_result(RESULT.lease)
    assert list(Store(tmp_path).results()) == []
    assert again.job(JobId(bytes(32))) is None


def test_a_write_that_was_cut_off_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Store(tmp_path)
    kept.keep_job(RECORD)

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.keep_job(replace(RECORD, ended=True))
    assert list(tmp_path.rglob(".*"))
    again = Store(tmp_path)
    assert again.job(JOB) == RECORD
    assert not list(tmp_path.rglob(".*"))


KILLED = """
import os, signal, sys
from pathlib import Path
from tegula_market import codec
from tegula_worker.store import JobRecord, Store

kept = Store(Path(sys.argv[1]))
record = codec.loads(JobRecord, sys.stdin.buffer.read())
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(*{"write": (os, "fsync", killed), "rename": (Path, "replace", killed)}[sys.argv[2]])
kept.keep_job(record)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_process_that_is_killed_before_the_rename_leaves_the_voucher_before(
    tmp_path: Path, moment: str
) -> None:
    none = Signature(bytes(65))
    paid = replace(RECORD, voucher=SignedVoucher(Voucher(JOB, Address(bytes(20)), Wei(9)), none, none))
    Store(tmp_path).keep_job(paid)
    command = [sys.executable, "-c", KILLED, str(tmp_path), moment]
    done = subprocess.run(command, input=codec.dumps(replace(paid, ended=True)), check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob(".*"))) == 1
    again = Store(tmp_path)
    assert again.job(JOB) == paid
    assert not list(tmp_path.rglob(".*"))
    again.keep_job(replace(paid, ended=True))
    assert again.job(JOB) == replace(paid, ended=True)


def test_tallies_and_sums_come_back(tmp_path: Path) -> None:
    kept, tally = Store(tmp_path), Tally(JOB, ETHER, 5, Wei(3), rejection="ä")
    assert kept.sums() == Sums()
    sums = Sums().fold(tally).refuse("call", "CLOSED", "at night", 5).see(10**24).measure(1, 1)
    kept.keep_tally(tally)
    kept.keep_sums(sums)
    again = Store(tmp_path)
    assert (again.tally(JOB), list(again.tallies()), again.sums()) == (tally, [tally], sums)
    again.drop_tally(JOB)
    again.drop_tally(JOB)
    assert again.tally(JOB) is None


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.keep_job(RECORD)
    (path,) = (tmp_path / "jobs").iterdir()
    path.write_text("{}")
    with pytest.raises(StoreError, match=path.name):
        kept.job(JOB)


def test_one_worker_at_a_time(tmp_path: Path) -> None:
    another = pytest.raises(StoreError, match="another tegula-worker")
    with store.opened(tmp_path / "data"), another, store.opened(tmp_path / "data"):
        pass
    with store.opened(tmp_path / "data") as kept:
        assert list(kept.jobs()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot use"), store.opened(tmp_path / "file"):
        pass


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file is made, and when it is written."""
    kept = Store(tmp_path)
    kept.keep_job(RECORD)
    disk = FullDisk(tmp_path, monkeypatch)
    with pytest.raises(NoRoom, match=r"cannot write .*: this machine's disk is full"):
        kept.keep_job(replace(RECORD, ended=True))
    disk.full = False

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(NoRoom):
        kept.keep_job(replace(RECORD, ended=True))
    assert kept.job(JOB) == RECORD
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [f"{JOB.hex()}.json"]


FILL = """
import sys
from pathlib import Path
from tegula_market.model import JobId
from tegula_worker.room import NoRoom
from tegula_worker.store import Store
from tegula_worker.tallies import Tally
from tegula_market.model import ETHER, Wei

kept, written = Store(Path(sys.argv[1])), 0
try:
    for number in range(1000):
        kept.keep_tally(Tally(JobId(number.to_bytes(32, "big")), ETHER, 0, Wei(1)))
        written += 1
except NoRoom as error:
    whole = [tally.job for tally in kept.tallies()]
    halves = list(Path(sys.argv[1]).rglob(".*"))
    print(len(whole) == written > 0, halves, str(error).endswith("disk is full"))
"""


@pytest.mark.slow
def test_a_real_disk_that_is_full(tmp_path: Path) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bwrap is missing, so no small disk was made")
    small = ("bwrap", "--dev-bind", "/", "/", "--size", "262144", "--tmpfs", tmp_path)
    done = subprocess.run(
        [*small, sys.executable, "-c", FILL, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True [] True\n", done.stderr
