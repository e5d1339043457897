"""Whole jobs of the extension against a scripted coordinator over real HTTP, in the session's own thread."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from fake_coordinator import TOKEN, Busy, FakeCoordinator, Later, No, ProxyPage, Serving, picture
from paying_coordinator import ESCROW, PayingCoordinator
from tegula_blender.client import TooOften, Unreachable
from tegula_blender.job_view import JobPhase, JobView
from tegula_blender.session import follow, patience, pursuit, session
from tegula_blender.session.follow import Follower
from tegula_blender.session.requesting import Request
from tegula_blender.session.session import Session
from tegula_blender.session.state import JobCard, Step
from tegula_market import codec
from tegula_market.adapters import chain, exr
from tegula_market.adapters.blobs import Away
from tegula_market.model import Address, Signature, TegulaError, Wei

KEEP = 10**6
SETTINGS = {
    "blender": "4.5.15",
    "engine": "CYCLES",
    "resolution_x": 96,
    "resolution_y": 64,
    "percentage": 100,
    "border": None,
    "crop": False,
    "spp": 1000,
    "seed": 0,
    "adaptive": None,
    "view_layers": 1,
    "denoised": [],
    "current": 1,
    "range": [1, 250, 1],
    "fps": 24.0,
}


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(pursuit, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(session, "BUSY_SECONDS", 0.001)


@pytest.fixture
def fake() -> PayingCoordinator:
    made = PayingCoordinator(lambda order: chain.job_id(order.terms), lambda *_: Signature(bytes(65)))
    made.about["escrow"] = codec.encode(ESCROW)
    return made


@pytest.fixture
def serving(fake: PayingCoordinator) -> Iterator[Serving]:
    with Serving(fake) as made:
        yield made


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path / "tegula", None, KEEP)
    yield made
    made.close()


def request(folder: Path, **changes: object) -> Request:
    blend = folder / "roof.blend"
    blend.write_bytes(b"BLENDER")
    where = dict.fromkeys(("blend", "here", "bytes"), str(blend))
    answer = {"problems": [], "scene": SETTINGS, **where, "files": [], "absolute": []}
    made = Request("roof.blend", answer, folder, (1, 2), "0.5", 3600, 32, pilot=None)
    return replace(made, **changes)  # type: ignore[arg-type]


def until(met: Callable[[], bool]) -> None:
    """Looks at what another thread does."""
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end, "nothing came of it"
        threading.Event().wait(0.002)


def card(here: Session, handle: int) -> JobCard:
    return next(card for card in here.state.jobs if card.handle == handle)


def reaches(here: Session, handle: int, step: Step) -> JobCard:
    until(lambda: card(here, handle).step is step or card(here, handle).step.over)
    assert card(here, handle).step is step, card(here, handle).sentence
    return card(here, handle)


def waits_for_a_price(here: Session, handle: int) -> JobCard:
    until(lambda: "lower price" in card(here, handle).sentence or card(here, handle).step.over)
    return card(here, handle)


def test_a_job_from_its_quote_to_its_bill(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    quoted = reaches(here, handle, Step.QUOTED)
    assert quoted.quote is not None
    assert 0 < quoted.quote.price[0] <= quoted.quote.budget <= 500_000
    assert (quoted.sent, quoted.job) == (quoted.to_send, None)
    assert fake.deposits == {}
    here.agree(handle)
    done = reaches(here, handle, Step.DONE)
    assert fake.order is not None
    assert fake.deposits == {done.job: quoted.budget}
    assert fake.settled == {done.job: done.spent}
    assert fake.balance == 1_000_000 - done.spent
    assert (done.tiles, done.of) == (12, 12)
    assert "It cost" in done.sentence
    for frame in (1, 2):
        patches, whole = here.delivery(handle).take(frame, 0)
        assert whole is not None
        assert sum(patch.rect.area for patch in patches) == 96 * 64
        stitched = exr.read(whole)
        for name, plane in picture(fake.order, frame).items():
            assert np.array_equal(stitched.channels[name], plane)


def test_no_costs_nothing(here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path) -> None:
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    reaches(here, handle, Step.QUOTED)
    here.cancel(handle)
    assert reaches(here, handle, Step.CANCELLED).sentence == "Nothing was paid."
    assert (fake.deposits, fake.order) == ({}, None)


def test_a_job_that_is_cancelled_pays_what_was_accepted(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    handle = here.submit(serving.url, TOKEN, request(tmp_path))

    def cancel(it: FakeCoordinator) -> None:
        if it.view is not None and sum(bool(unit.image) for unit in it.view.units) == 3:
            here.cancel(handle)

    fake.on_step = cancel
    here.agree(handle)
    over = reaches(here, handle, Step.CANCELLED)
    assert 3 <= over.tiles < 12
    assert fake.settled == {over.job: over.spent}
    assert fake.balance == 1_000_000 - over.spent
    assert "the rest of the deposit is back" in over.sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"budget": "two"}, "is no amount"),
        ({"budget": "0.0000001"}, "at most 6 digits"),
        ({"budget": "0.000001"}, "less than the .* these tiles cost"),
        ({"budget": "900"}, "has 1 tUSD; add to it, or lower the budget"),
    ],
)
def test_what_cannot_be_ordered_is_said(
    here: Session,
    serving: Serving,
    fake: PayingCoordinator,
    tmp_path: Path,
    changes: dict[str, object],
    sentence: str,
) -> None:
    handle = here.submit(serving.url, TOKEN, request(tmp_path, **changes))
    here.agree(handle)
    until(lambda: card(here, handle).step is Step.FAILED)
    assert re.search(sentence, card(here, handle).sentence), card(here, handle).sentence
    assert fake.deposits == {}
    assert not list((tmp_path / "tegula" / "jobs").glob("*/job.json"))


def test_a_scene_with_problems_says_all_of_them(here: Session, serving: Serving, tmp_path: Path) -> None:
    answer = {"problems": ["The scene has no camera.", "Turn Freestyle off."]}
    handle = here.submit(serving.url, TOKEN, request(tmp_path, answer=answer))
    until(lambda: card(here, handle).step is Step.FAILED)
    assert card(here, handle).sentence == "The scene has no camera.\nTurn Freestyle off."


def test_a_coordinator_that_goes_away_is_waited_for(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    gone = threading.Event()

    def leave(it: FakeCoordinator) -> None:
        if it.view is not None and sum(bool(unit.image) for unit in it.view.units) == 3:
            gone.set()

    fake.on_step = leave
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    assert gone.wait(30)
    serving.__exit__()
    until(
        lambda: (
            "no coordinator answers" in card(here, handle).sentence
            or "no answer" in card(here, handle).sentence
        )
    )
    assert not card(here, handle).step.over
    until(lambda: here.delivery(handle).status == f"Tegula: {card(here, handle).sentence}")
    fake.on_step = lambda _: None
    serving.__enter__()
    done = reaches(here, handle, Step.DONE)
    assert fake.settled == {done.job: done.spent}


@pytest.mark.parametrize("at", ["deposits", "jobs", "vouchers", "settle"])
def test_a_coordinator_that_lacks_its_chain_or_blobs_is_asked_again(
    here: Session,
    serving: Serving,
    fake: PayingCoordinator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
) -> None:
    """Its answer comes after the deposit, and is not the end of the job."""
    handle_it, refused = fake.handle, count()

    def handle(method: str, path: str, query: dict[str, list[str]], body: bytes) -> object:
        if method == "POST" and path.endswith(f"/{at}") and next(refused) < 2:
            raise Later("the chain does not answer")
        return handle_it(method, path, query, body)

    monkeypatch.setattr(fake, "handle", handle)
    handle_of = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle_of)
    done = reaches(here, handle_of, Step.DONE)
    assert next(refused) > 2
    assert fake.settled == {done.job: done.spent}


@pytest.mark.parametrize("at", ["PUT", "deposits", "jobs", "events", "vouchers", "settle"])
@pytest.mark.parametrize("no", [ProxyPage(500), Busy(0)], ids=["cut off", "too often"])
def test_what_passes_ends_no_job(
    here: Session,
    serving: Serving,
    fake: PayingCoordinator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    no: No,
) -> None:
    handle_it, nos = fake.handle, [no, no]

    def handle(method: str, path: str, query: dict[str, list[str]], body: bytes) -> object:
        if (method == at or path.endswith(f"/{at}")) and nos:
            raise nos.pop()
        return handle_it(method, path, query, body)

    monkeypatch.setattr(fake, "handle", handle)
    handle_of = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle_of)
    done = reaches(here, handle_of, Step.DONE)
    assert nos == []
    assert fake.settled == {done.job: done.spent}


def test_an_upload_that_waits_can_be_cancelled(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle_it = fake.handle

    def handle(method: str, path: str, query: dict[str, list[str]], body: bytes) -> object:
        if method == "PUT":
            raise Busy(0)
        return handle_it(method, path, query, body)

    monkeypatch.setattr(fake, "handle", handle)
    handle_of = here.submit(serving.url, TOKEN, request(tmp_path))
    until(lambda: "requests a minute" in card(here, handle_of).sentence)
    here.cancel(handle_of)
    assert reaches(here, handle_of, Step.CANCELLED).sentence == "Nothing was paid."


def test_a_coordinator_is_left_alone_for_as_long_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr(patience, "resting", lambda seconds: iter([rests.append(seconds)]))
    errors: list[TegulaError] = [
        TooOften("too often", 40.0),
        Away("no answer", 50.0),
        TooOften("a day", 80_000.0),
        Unreachable(""),
    ]

    def call() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    asking = patience.asking(call, lambda _: None)
    assert list(asking) == [None] * 4
    assert errors == []
    assert rests[:3] == [40.0, 50.0, patience.LONGEST_REST]
    assert rests[3] < 1


def test_a_job_can_be_cancelled_while_the_coordinator_is_away(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    gone = threading.Event()
    fake.on_step = lambda it: gone.set() if it.view is not None and it.view.asks else None
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    assert gone.wait(30)
    serving.__exit__()
    here.cancel(handle)
    until(lambda: "it ends when the coordinator is back" in card(here, handle).sentence)
    serving.__enter__()
    over = reaches(here, handle, Step.CANCELLED)
    assert fake.settled == {over.job: over.spent}


def test_another_start_finds_the_job_and_finishes_it(
    serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    first = Session(tmp_path / "tegula", None, KEEP)
    held = threading.Event()

    def hold(it: FakeCoordinator) -> None:
        if it.view is not None and sum(bool(unit.image) for unit in it.view.units) == 3:
            held.set()

    fake.on_step = hold
    handle = first.submit(serving.url, TOKEN, request(tmp_path))
    first.agree(handle)
    assert held.wait(30)
    first.close()
    fake.on_step = lambda _: None
    second = Session(tmp_path / "tegula", None, KEEP)
    (found,) = second.state.jobs
    assert (found.name, found.step) == ("roof.blend", Step.WAITING)
    assert found.job in fake.deposits
    second.resume(found.handle, TOKEN)
    done = reaches(second, found.handle, Step.DONE)
    assert fake.settled == {done.job: done.spent}
    assert all(second.delivery(found.handle).take(frame, 0)[1] for frame in (1, 2))
    second.close()
    third = Session(tmp_path / "tegula", None, KEEP)
    assert [card.step for card in third.state.jobs] == [Step.DONE]
    third.close()


def test_thousands_of_tiles_are_fetched_in_turn_with_other_jobs(
    serving: Serving, fake: PayingCoordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as wait when an artist comes back; nothing is signed before all of them are seen."""
    monkeypatch.setattr(pursuit, "FETCH_SECONDS", 0.0)
    monkeypatch.setattr(follow, "TOGETHER", 1)
    first = Session(tmp_path / "tegula", None, KEEP)
    handle = first.submit(serving.url, TOKEN, request(tmp_path))
    first.agree(handle)
    until(lambda: card(first, handle).tiles > 1)
    first.close()
    assert fake.view is not None
    while fake.view.phase is JobPhase.OPEN:
        fake.step()
    fake.requests.clear()
    looks, look = [], Follower.look
    monkeypatch.setattr(Follower, "look", lambda *about, **how: looks.append(1) or look(*about, **how))
    kept = list((tmp_path / "tegula" / "jobs").glob("*/tiles/*.exr"))
    kept[0].write_bytes(b"what a power cut leaves")
    second = Session(tmp_path / "tegula", None, KEEP)
    (found,) = second.state.jobs
    second.resume(found.handle, TOKEN)
    assert reaches(second, found.handle, Step.DONE).tiles == 12
    second.close()
    assert list((tmp_path / "tegula" / "jobs").glob("*/tiles")) == []
    kinds = [re.sub(r"/0x\w+", "", line) for line in fake.requests]
    tiles = [index for index, kind in enumerate(kinds) if kind == "GET /v1/blobs"]
    assert len(tiles) == 12 - len(kept) + 1, "what is here already is not fetched again"
    assert len(looks) >= 12, "no look fetches more than one"
    assert kinds[tiles[0] : tiles[-1] + 1] == ["GET /v1/blobs"] * len(tiles), "of one view"
    assert kinds.index("POST /v1/jobs/vouchers") > tiles[-1]


def test_when_a_job_begins_older_ones_make_room(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    first = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(first)
    reaches(here, first, Step.DONE)
    assert len(here.kept(first)) == 2
    here.keep = 0
    second = here.submit(serving.url, TOKEN, request(tmp_path))
    reaches(here, second, Step.QUOTED)
    assert [each.handle for each in here.state.jobs] == [second]
    assert not list(tmp_path.rglob("frame_*.exr"))


def test_a_job_waits_for_a_lower_price_and_is_rendered_when_there_is_one(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    cheap = fake.asks
    fake.asks = {worker: price * 10**6 for worker, price in cheap.items()}
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    waiting = waits_for_a_price(here, handle)
    assert waiting.step is Step.WAITING
    assert waiting.sentence.startswith("Waiting for a lower price: the lowest ask is 40 tUSD a megasample,")
    assert "the lowest ask is 40 tUSD" in here.delivery(handle).status
    fake.on_step = come_down_to(cheap)
    done = reaches(here, handle, Step.DONE)
    assert fake.settled == {done.job: done.spent}


def come_down_to(cheap: dict[Address, int]) -> Callable[[FakeCoordinator], None]:
    def step(fake: FakeCoordinator) -> None:
        if fake.asks != cheap:
            fake.ask_again(cheap)

    return step


def test_a_job_that_waits_for_a_lower_price_is_cancelled_for_nothing(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    fake.asks = {worker: price * 10**6 for worker, price in fake.asks.items()}
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    waits_for_a_price(here, handle)
    here.cancel(handle)
    cancelled = reaches(here, handle, Step.CANCELLED)
    assert "the rest of the deposit is back" in cancelled.sentence
    assert fake.settled == {cancelled.job: Wei(0)}
    assert fake.balance == 1_000_000


def test_a_job_that_all_decline_ends_and_the_deposit_is_back(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    def decline(view: JobView) -> JobView:
        asks = tuple(replace(ask, taken=False, code="DECLINED", reason="too far") for ask in view.asks)
        return replace(view, asks=asks)

    fake.asks = {worker: price * 10**6 for worker, price in fake.asks.items()}
    fake.lie = decline
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    failed = reaches(here, handle, Step.FAILED)
    assert "no worker takes this job: too far" in failed.sentence
    assert "the rest of the deposit is back" in failed.sentence
    assert fake.balance == 1_000_000


def test_a_bill_that_does_not_add_up_is_not_signed(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    fake.lie = lambda view: replace(
        view, owed=tuple(replace(owed, cumulative=Wei(owed.cumulative + 1)) for owed in view.owed)
    )
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    here.agree(handle)
    failed = reaches(here, handle, Step.FAILED)
    assert "is not the sum of its accepted tiles" in failed.sentence
    assert "what is left of its deposit is yours again after" in failed.sentence
    assert fake.signed == []
    assert fake.settled == {}


def test_the_connection_is_told(here: Session, serving: Serving, fake: PayingCoordinator) -> None:
    def tried(token: str) -> tuple[bool, str]:
        before = here.state.connection
        here.test(serving.url, token)
        until(lambda: here.state.connection is not before)
        assert here.state.connection is not None
        return here.state.connection.ok, here.state.connection.sentence

    assert tried(TOKEN) == (True, "Connected. 0 workers and 0 verifiers are online.")
    assert here.state.connection is not None
    assert here.state.connection.balance == 1_000_000
    assert tried("wrong") == (False, "The coordinator does not know this token; ask its operator for one.")
    fake.about["protocol"] = "tm9"
    assert "use versions that fit" in tried(TOKEN)[1]
    fake.about.update(protocol="tm1", escrow="0x" + "ee" * 20)
    assert "another escrow contract" in tried(TOKEN)[1]


def test_a_fault_in_one_job_leaves_the_others(
    here: Session,
    serving: Serving,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = here.submit(serving.url, TOKEN, request(tmp_path))
    reaches(here, good, Step.QUOTED)
    monkeypatch.setattr(session.requesting, "prepared", lambda *_: 1 / 0)
    bad = here.submit(serving.url, TOKEN, request(tmp_path))
    until(lambda: card(here, bad).step is Step.FAILED)
    assert card(here, bad).sentence == session.FAULT
    here.agree(good)
    reaches(here, good, Step.DONE)
    assert "job stopped" in caplog.text


def test_a_quote_costs_nothing_and_says_why_if_there_is_none(
    here: Session, serving: Serving, fake: PayingCoordinator, tmp_path: Path
) -> None:
    here.quote(serving.url, TOKEN, request(tmp_path))
    until(lambda: here.state.quoted == 1)
    assert here.state.quote is not None
    assert here.state.quote.budget <= 500_000
    here.quote(serving.url, TOKEN, request(tmp_path, budget="none"))
    until(lambda: here.state.quoted == 2)
    assert here.state.quote is None
    assert "is no amount" in here.state.problem
    assert (fake.deposits, fake.blobs, here.state.jobs) == ({}, {}, ())


def test_what_is_kept_of_a_job(here: Session, serving: Serving, tmp_path: Path) -> None:
    handle = here.submit(serving.url, TOKEN, request(tmp_path))
    assert (here.frames(handle), here.kept(handle)) == ((), [])
    here.agree(handle)
    reaches(here, handle, Step.DONE)
    assert here.frames(handle) == (1, 2)
    assert [path.name for path in here.kept(handle)] == ["frame_0001.exr", "frame_0002.exr"]
