"""The extension's session on a whole market: its account pays, its frames are what plain bpy renders."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import differing
from tegula import local
from tegula.market import Market
from tegula_blender.session import blender, costs, requesting
from tegula_blender.session.purse import Purse
from tegula_blender.session.requesting import Request
from tegula_blender.session.session import Session
from tegula_blender.session.state import JobCard, Step
from tegula_market.adapters import exr
from tegula_market.adapters.chain import Escrow
from tegula_market.model import Address, CostMap

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path / "tegula", None, keep=10**9)
    yield made
    made.close()


@pytest.fixture
def account(here: Session, tmp_path: Path) -> Address:
    return Purse(tmp_path / "tegula").address


@pytest.fixture
def market(account: Address) -> Iterator[Market]:
    with local.market(2, funded=[account]) as made:
        yield made


def request(here: Session, blend: Path, frames: tuple[int, ...]) -> Request:
    answer = blender.ask("inspect", None, blend=str(blend), samples=16, percentage=20)
    scratch = here.scratch()
    return Request(blend.name, answer, scratch, frames, "0.01", 3600, 40, pilot=None)


def reaches(here: Session, handle: int, step: Step) -> JobCard:
    end = time.monotonic() + 240
    while True:
        card = next(card for card in here.state.jobs if card.handle == handle)
        if card.step is step:
            return card
        assert not card.step.over, card.sentence
        assert time.monotonic() < end, card
        threading.Event().wait(0.05)


def test_frames_are_plain_blenders_and_the_account_pays_for_them(
    here: Session, market: Market, account: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut by a map: of six tiles of a frame of 384 x 216 two are four each."""
    monkeypatch.setattr(costs, "QUICK", 0.0)
    monkeypatch.setattr(costs, "_tells", lambda _order, _pilot: True)
    monkeypatch.setattr(costs, "found", lambda _pilot: CostMap(2, (16, 1, 1, 1)))
    assert market.escrow is not None
    escrow = Escrow.connect(market.rpc, market.escrow)
    before = escrow.balance(market.currency, account)
    blend = scenes.build("spheres", tmp_path)
    wanted = replace(request(here, blend, (1, 3)), tile=128, pilot="CPU")
    handle = here.submit(market.url, market.token, wanted)
    quoted = reaches(here, handle, Step.QUOTED)
    assert quoted.quote is not None
    assert any("smaller where the pilot took long" in reason for reason in quoted.quote.reasons)
    here.agree(handle)
    done = reaches(here, handle, Step.DONE)
    paid = before - escrow.balance(market.currency, account)
    assert (paid, done.of) == (done.spent, 2 * 12)
    assert quoted.quote.price[0] <= paid <= quoted.quote.price[1]
    assert done.job is not None
    assert not escrow.account(done.job).open
    scene = requesting.prepared(wanted, None).scene
    for frame in (1, 3):
        patches, whole = here.delivery(handle).take(frame, 0)
        assert whole is not None
        assert patches
        plain = scenes.full_frame(blend, scene, frame, tmp_path / f"plain{frame}.exr")
        assert differing(exr.read(whole), exr.read(plain)) == {}


def test_a_cancelled_job_costs_what_was_accepted(
    here: Session, market: Market, account: Address, tmp_path: Path
) -> None:
    assert market.escrow is not None
    escrow = Escrow.connect(market.rpc, market.escrow)
    before = escrow.balance(market.currency, account)
    handle = here.submit(
        market.url, market.token, request(here, scenes.build("spheres", tmp_path), tuple(range(1, 9)))
    )
    here.agree(handle)
    while reaches(here, handle, Step.RENDERING).tiles < 3:
        threading.Event().wait(0.02)
    here.cancel(handle)
    over = reaches(here, handle, Step.CANCELLED)
    assert 3 <= over.tiles < over.of
    assert before - escrow.balance(market.currency, account) == over.spent
