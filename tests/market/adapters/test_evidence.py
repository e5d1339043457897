from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tegula_market.adapters import bundles, signing
from tegula_market.adapters.evidence import replay
from tegula_market.evidence import Evidence
from tegula_market.model import InvalidValue, Order, Outcome, Rect, lease_id
from trials import JOB, ORDER, Court

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
    bundles.write(path, stated, court.path)
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
    read, find = bundles.read(bundled(court, stated), folder)
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


def other_terms() -> Order:
    return replace(ORDER, terms=replace(ORDER.terms, salt=bytes([1]) * 32))


TAMPERED: list[tuple[Tamper, str]] = [
    (verdict(outcome=Outcome.REJECTED), "the verdict's outcome was REJECTED; it is ACCEPTED"),
    (verdict(statistic=9.0), "the verdict's statistic was 9.0; it is 0.0"),
    (verdict(threshold=0.5), "the verdict's threshold was 0.5"),
    (verdict(probe_pixels=1), "the verdict's probe_pixels was 1"),
    (verdict(lease=lease_id(JOB, 0, 1)), "the verdict is on another lease"),
    (edited(worker=signing.Key.generate().address), "the worker has not signed this image"),
    (edited(chain_id=1), "the worker has not signed this image"),
    (trial(order=other_terms()), "the lease is of another job than the order"),
    (edited(commitment=bytes(32)), "the salt does not open the lease's commitment"),
    (edited(rects=(Rect(0, 0, 8, 8),)), "the probes are not where salt and image place them"),
    (edited(overscan=9), "the probes are not where salt and image place them"),
]


@pytest.mark.parametrize(("tamper", "sentence"), TAMPERED)
def test_what_does_not_hold_is_said(court: Court, folder: Path, tamper: Tamper, sentence: str) -> None:
    stated = tamper(court.evidence(court.trial()))
    objections = replay(*bundles.read(bundled(court, stated), folder)).objections
    assert any(said.startswith(sentence) for said in objections), objections


def test_another_salt_moves_the_probes_and_opens_no_commitment(court: Court, folder: Path) -> None:
    stated = trial(salt=bytes(32))(court.evidence(court.trial()))
    objections = replay(*bundles.read(bundled(court, stated), folder)).objections
    assert len(objections) >= 3


def test_a_trial_with_too_few_images_is_none(court: Court) -> None:
    for tamper in (trial(images=()), trial(whole=True)):
        with pytest.raises(InvalidValue, match="of"):
            replay(tamper(court.evidence(court.trial())), court.path)
