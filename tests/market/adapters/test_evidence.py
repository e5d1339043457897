import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tegula_market.adapters import evidence, signing
from tegula_market.adapters.evidence import MANIFEST, STATEMENT, UnreadableBundle, replay
from tegula_market.evidence import Evidence
from tegula_market.model import InvalidValue, Outcome, Rect, lease_id
from trials import JOB, Court

Tamper = Callable[[Evidence], Evidence]


@pytest.fixture
def court(tmp_path: Path) -> Court:
    folder = tmp_path / "court"
    folder.mkdir()
    return Court(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def bundled(court: Court, stated: Evidence) -> Path:
    path = court.folder / "bundle.zip"
    evidence.write(path, stated, court.path)
    return path


CASES = [
    (1.0, False, Outcome.ACCEPTED),
    (1.0, True, Outcome.ACCEPTED),
    (1.02, False, Outcome.INCONCLUSIVE),
    (1.02, True, Outcome.REJECTED),
]


@pytest.mark.parametrize(("times", "whole", "outcome"), CASES)
def test_a_bundle_replays_to_the_same_answer(
    court: Court, folder: Path, times: float, whole: bool, outcome: Outcome
) -> None:
    stated = court.evidence(court.trial(times=times, whole=whole))
    read, find = evidence.read(bundled(court, stated), folder)
    assert read == stated
    replayed = replay(read, find)
    assert replayed.judgement.outcome is outcome
    assert replayed.objections == ()


def edited(**change: object) -> Tamper:
    return lambda stated: replace(stated, **change)  # type: ignore[arg-type]


def verdict(**change: object) -> Tamper:
    return lambda stated: replace(stated, verdict=replace(stated.verdict, **change))  # type: ignore[arg-type]


def trial(**change: object) -> Tamper:
    return lambda stated: replace(stated, trial=replace(stated.trial, **change))  # type: ignore[arg-type]


TAMPERED: list[tuple[Tamper, str]] = [
    (verdict(outcome=Outcome.REJECTED), "the verdict's outcome was REJECTED; it is ACCEPTED"),
    (verdict(statistic=9.0), "the verdict's statistic was 9.0; it is 0.0"),
    (verdict(threshold=0.5), "the verdict's threshold was 0.5"),
    (verdict(probe_pixels=1), "the verdict's probe_pixels was 1"),
    (verdict(lease=lease_id(JOB, 0, 1)), "the verdict is on another lease"),
    (edited(worker=signing.Key.generate().address), "the worker has not signed this image"),
    (edited(chain_id=1), "the worker has not signed this image"),
    (edited(commitment=bytes(32)), "the salt does not open the lease's commitment"),
    (edited(rects=(Rect(0, 0, 8, 8),)), "the probes are not where salt and image place them"),
    (edited(overscan=9), "the probes are not where salt and image place them"),
]


@pytest.mark.parametrize(("tamper", "sentence"), TAMPERED)
def test_what_does_not_hold_is_said(court: Court, folder: Path, tamper: Tamper, sentence: str) -> None:
    stated = tamper(court.evidence(court.trial()))
    objections = replay(*evidence.read(bundled(court, stated), folder)).objections
    assert any(said.startswith(sentence) for said in objections), objections


def test_another_salt_moves_the_probes_and_opens_no_commitment(court: Court, folder: Path) -> None:
    stated = trial(salt=bytes(32))(court.evidence(court.trial()))
    objections = replay(*evidence.read(bundled(court, stated), folder)).objections
    assert len(objections) >= 3


def test_a_trial_with_too_few_images_is_none(court: Court) -> None:
    for tamper in (trial(images=()), trial(whole=True)):
        with pytest.raises(InvalidValue, match="of"):
            replay(tamper(court.evidence(court.trial())), court.path)


# ---- what is no bundle


def rebuilt(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(path) as bundle:
        entries = {name: bundle.read(name) for name in bundle.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return path


def an_image(entries: dict[str, bytes]) -> str:
    return next(name for name in entries if name.endswith(".exr"))


BROKEN: list[tuple[Callable[[dict[str, bytes]], None], str]] = [
    (lambda entries: entries.pop(STATEMENT), "is this a bundle of evidence"),
    (lambda entries: entries.pop(MANIFEST), "exactly the files"),
    (lambda entries: entries.pop(an_image(entries)), "exactly the files"),
    (lambda entries: entries.update({"../../evil": b"x"}), "exactly the files"),
    (lambda entries: entries.update({an_image(entries): b"other"}), "is not what it is said to be"),
    (lambda entries: entries.update({MANIFEST: b"{}"}), "is not what it is said to be"),
    (lambda entries: entries.update({STATEMENT: b"{}"}), "cannot be read as evidence"),
    (lambda entries: entries.update({STATEMENT: b"[" * 10**5}), "cannot be read as evidence"),
    (lambda entries: entries.update({STATEMENT: bytes(2 << 20)}), "is over"),
]


@pytest.mark.parametrize(("change", "sentence"), BROKEN)
def test_what_is_no_bundle_is_refused(
    court: Court, folder: Path, change: Callable[[dict[str, bytes]], None], sentence: str
) -> None:
    path = rebuilt(bundled(court, court.evidence(court.trial())), change)
    with pytest.raises(UnreadableBundle, match=sentence):
        evidence.read(path, folder)
    assert {entry.parent for entry in folder.rglob("*")} <= {folder}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a zip" * 100])
def test_rubbish_is_refused(tmp_path: Path, folder: Path, data: bytes) -> None:
    (tmp_path / "bundle.zip").write_bytes(data)
    with pytest.raises(UnreadableBundle, match="cannot be read as evidence"):
        evidence.read(tmp_path / "bundle.zip", folder)


def test_a_bomb_is_put_out(court: Court, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes that unpack to more than an image may have."""
    path = bundled(court, court.evidence(court.trial()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as bundle, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in bundle.namelist():
            bomb.writestr(name, bytes(8 << 20) if name.endswith(".exr") else bundle.read(name))
    path.write_bytes(buffer.getvalue())
    monkeypatch.setattr(evidence, "MAX_ENTRY_BYTES", 4 << 20)
    with pytest.raises(UnreadableBundle, match="has over"):
        evidence.read(path, folder)
    assert max(entry.stat().st_size for entry in folder.iterdir()) <= 4 << 20


def test_a_bundle_says_all_that_a_verdict_stands_on(court: Court) -> None:
    """As text, for whoever has no program of ours."""
    with zipfile.ZipFile(bundled(court, court.evidence(court.trial()))) as bundle:
        said = bundle.read(STATEMENT).decode()
    for word in ("seed", "spp", "blender", "manifest", "salt", "rects", "device", "verifier", "threshold"):
        assert f'"{word}"' in said
