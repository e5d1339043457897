from pathlib import Path

import pytest

from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.evidence import EvidenceFolder, NoEvidence
from tegula_market.adapters import bundles, durable
from tegula_market.adapters.evidence import replay
from trials import JOB, UNIT, Court


class Shelf(BlobFolder):
    """The court's images where blobs lie."""

    def __init__(self, court: Court) -> None:
        self.path = court.path  # type: ignore[method-assign]


@pytest.fixture
def court(tmp_path: Path) -> Court:
    (tmp_path / "court").mkdir()
    return Court(tmp_path / "court")


def test_what_was_kept_comes_back_as_a_bundle(court: Court, tmp_path: Path) -> None:
    kept = EvidenceFolder(tmp_path / "evidence", Shelf(court))
    stated = court.evidence(court.trial(times=1.02, whole=True))
    for _ in range(2):  # as after a restart
        kept.keep(stated)
        kept.settle()
    kept.bundle(JOB, UNIT, 1, tmp_path / "bundle.zip")
    (tmp_path / "unpacked").mkdir()
    read, find = bundles.read(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert read == stated
    assert replay(read, find).objections == ()
    assert [path.name for path in (tmp_path / "evidence" / JOB.hex()).iterdir()] == [f"{UNIT}-1.json"]


@pytest.mark.parametrize(("unit", "attempt"), [(0, 1), (UNIT, 2)])
def test_there_is_none_of_what_was_not_judged(court: Court, tmp_path: Path, unit: int, attempt: int) -> None:
    kept = EvidenceFolder(tmp_path / "evidence", Shelf(court))
    kept.keep(court.evidence(court.trial()))
    kept.settle()
    with pytest.raises(NoEvidence, match="its verdict names"):
        kept.bundle(JOB, unit, attempt, tmp_path / "bundle.zip")


def test_nothing_is_there_before_it_lasts(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, steps = EvidenceFolder(tmp_path / "evidence", Shelf(court)), list[str]()
    file = tmp_path / "evidence" / JOB.hex() / f"{UNIT}-1.json"
    monkeypatch.setattr(
        durable,
        "settle",
        lambda path: steps.append(f"{path.name}, {'there' if file.exists() else 'not yet'}"),
    )
    kept.keep(court.evidence(court.trial()))
    kept.settle()
    assert steps == ["evidence, not yet", f"{UNIT}-1.partial, not yet", f"{JOB.hex()}, there"]


def test_what_cannot_be_made_to_last_is_not_there(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, stated = EvidenceFolder(tmp_path / "evidence", Shelf(court)), court.evidence(court.trial())

    (tmp_path / "evidence" / JOB.hex()).mkdir(parents=True)

    def fail(_path: Path) -> None:
        raise OSError("the disk has gone")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "settle", fail)
        kept.keep(stated)
        with pytest.raises(OSError, match="gone"):
            kept.settle()
    with pytest.raises(NoEvidence):
        kept.bundle(JOB, UNIT, 1, tmp_path / "bundle.zip")
    kept.keep(stated)
    kept.settle()
    kept.bundle(JOB, UNIT, 1, tmp_path / "bundle.zip")
