"""The client against a coordinator over real HTTP on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blender_addon.session.markets import NOW, market, speed, worker
from fake_coordinator import CURRENCY, TOKEN, TX, Busy, FakeCoordinator, Later, No, ProxyPage, Serving
from requester_samples import ANN, JOB, order, view
from tegula_blender import client as client_module
from tegula_blender.client import AnotherVersion, Client, Refused, TooOften, Unreachable
from tegula_blender.job_view import AccountView, Deposited, Settled
from tegula_blender.market_view import Priced
from tegula_market.adapters import light
from tegula_market.codec import MalformedInput
from tegula_market.model import Signature, Wei

SIGNATURE = Signature(bytes(65))


@pytest.fixture
def fake() -> FakeCoordinator:
    return FakeCoordinator(lambda _: JOB, lambda _job, _owed: SIGNATURE)


@pytest.fixture
def serving(fake: FakeCoordinator) -> Iterator[Serving]:
    with Serving(fake) as serving:
        yield serving


@pytest.fixture
def client(serving: Serving) -> Iterator[Client]:
    client = Client(serving.url, TOKEN)
    yield client
    client.disconnect()


def test_says_who_the_coordinator_is(client: Client) -> None:
    about = client.about()
    assert (about.coordinator, about.chain_id) == (bytes([0x0C]) * 20, 1337)


def test_the_market_is_told_before_there_is_a_job(client: Client, fake: FakeCoordinator) -> None:
    fake.market = market(worker(40), worker(), speeds=(speed(),), prices=(Priced(Wei(50), NOW),))
    assert client.market() == fake.market


def test_blobs_go_by_the_same_token(client: Client, tmp_path: Path) -> None:
    name = client.blobs.upload_bytes(b"manifest")
    client.patience = 5
    client.blobs.fetch(name, tmp_path / "manifest", max_bytes=8)
    assert (tmp_path / "manifest").read_bytes() == b"manifest"


def test_a_job_is_opened_shown_vouchered_and_closed(client: Client, fake: FakeCoordinator) -> None:
    ordered = order()
    fake.blobs[ordered.scene.manifest] = b""
    assert client.open_job(ordered, SIGNATURE) == JOB
    fake.view = view(ordered)
    assert client.job(JOB) == fake.view
    client.sign_voucher(JOB, ANN, Wei(77), SIGNATURE)
    assert fake.signed == [(ANN, 77)]
    assert client.close(JOB, Wei(77), SIGNATURE) == SIGNATURE


def test_a_job_is_paid_and_settled_without_a_wallet(client: Client, fake: FakeCoordinator) -> None:
    ordered = order()
    terms, job = ordered.terms, light.job_id(ordered.terms)
    fake.job_id, fake.balance, fake.blobs[ordered.scene.manifest] = lambda _: job, Wei(100), b""
    assert client.account(ANN) == AccountView(CURRENCY, "USD", 6, "USD Coin", "2", Wei(100))
    assert client.deposit(terms, Wei(60), 0, 2**40, SIGNATURE) == Deposited(job, TX)
    assert client.deposit(terms, Wei(60), 0, 2**40, SIGNATURE) == Deposited(job, None)
    assert client.account(ANN).balance == 40
    client.open_job(ordered, SIGNATURE)
    assert client.settle(job, Wei(10), SIGNATURE) == Settled(TX, Wei(50))
    assert client.settle(job, Wei(10), SIGNATURE) == Settled(None, Wei(50))
    assert client.account(ANN).balance == 90


def test_a_deposit_that_is_not_covered_is_refused(client: Client, fake: FakeCoordinator) -> None:
    with pytest.raises(Refused, match="relays no deposits") as refused:
        client.account(ANN)
    assert refused.value.status == 404
    fake.balance = Wei(59)
    with pytest.raises(Refused, match="holds 59") as refused:
        client.deposit(order().terms, Wei(60), 0, 2**40, SIGNATURE)
    assert refused.value.status == 402


def test_a_coordinator_that_cannot_just_now_is_told_from_one_that_is_away(
    client: Client, fake: FakeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(no: No) -> None:
        def handle(*_: object) -> None:
            raise no

        monkeypatch.setattr(fake, "handle", handle)

    answer(No(503, "the coordinator has no ether"))
    with pytest.raises(Refused, match="has no ether"):
        client.about()
    answer(Later("the chain does not answer"))
    with pytest.raises(Unreachable, match="the chain does not answer"):
        client.about()
    answer(ProxyPage(503))
    with pytest.raises(Unreachable, match="is away"):
        client.about()
    answer(ProxyPage(500))
    with pytest.raises(Unreachable, match=r"is away \(500\)"):
        client.about()


def test_events_go_on_where_they_ended(client: Client, fake: FakeCoordinator) -> None:
    ordered = order()
    fake.blobs[ordered.scene.manifest] = b""
    client.open_job(ordered, SIGNATURE)
    first, seq = client.events(JOB, 0, wait=0)
    assert [event.kind for event in first] == ["JobOpened"]
    then, later = client.events(JOB, seq, wait=0)
    assert [event.kind for event in then] == ["AskArrived", "AskArrived"]
    assert [event.seq for event in then] == [2, 3]
    assert later == 3


def test_a_wrong_token_is_refused(serving: Serving) -> None:
    with pytest.raises(Refused, match="ask the operator") as refused:
        Client(serving.url, "wrong").check_token()
    assert refused.value.status == 401


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(Unreachable, match="is it running"):
        Client("http://127.0.0.1:1", TOKEN).about()


def test_no_address_is_said_at_once() -> None:
    with pytest.raises(Unreachable, match="cannot ask"):
        Client("nonsense", TOKEN).about()


def test_something_else_at_the_address(serving: Serving, fake: FakeCoordinator) -> None:
    fake.about = b"<html>hello</html>"  # type: ignore[assignment]
    with pytest.raises(MalformedInput, match="is the address right"):
        Client(serving.url, TOKEN).about()


@pytest.mark.parametrize(("key", "value"), [("protocol", "tm2"), ("version", "0.2.0"), ("version", "1.1.0")])
def test_a_coordinator_of_another_version_is_refused(
    client: Client, fake: FakeCoordinator, key: str, value: str
) -> None:
    """Whatever else it answers."""
    fake.about |= {key: value, "surprise": 1}
    with pytest.raises(AnotherVersion, match=f"{value}.*use versions that fit"):
        client.about()


def test_a_mended_release_fits(client: Client, fake: FakeCoordinator) -> None:
    fake.about["version"] = "0.1.99"
    assert client.about().version == "0.1.99"


def test_an_answer_with_a_surprise_in_it_is_refused(client: Client, fake: FakeCoordinator) -> None:
    fake.about["surprise"] = 1
    with pytest.raises(MalformedInput, match="surprise"):
        client.about()


def test_a_coordinator_that_is_restarted_is_asked_again(
    fake: FakeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause before another attempt is where the coordinator comes back, so nothing is timed."""
    serving = Serving(fake)
    with serving:
        client = Client(serving.url, TOKEN, patience=60)
        client.about()
    pauses: list[float] = []

    def come_back(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            serving.__enter__()

    monkeypatch.setattr(client_module.time, "sleep", come_back)
    try:
        assert client.about().protocol == "tm1"
    finally:
        serving.__exit__()
        client.disconnect()
    assert pauses == [0.1, 0.2, 0.4]


def test_who_asks_too_often_waits_as_long_as_it_is_told(
    serving: Serving, fake: FakeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, handle = [Busy(7), Busy(50)], fake.handle

    def answer(*asked: Any) -> Any:
        if answers:
            raise answers.pop(0)
        return handle(*asked)

    monkeypatch.setattr(fake, "handle", answer)
    slept: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", slept.append)
    client = Client(serving.url, TOKEN, patience=60)
    assert client.about().protocol == "tm1"
    assert slept == [7, 50]
    answers.append(Busy(61))
    with pytest.raises(TooOften, match="2 requests a minute; try again in 61 seconds"):
        client.about()
    assert slept == [7, 50]
    client.disconnect()


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module.time, "sleep", lambda _: None)
    now = iter(range(1000))
    monkeypatch.setattr(client_module.time, "monotonic", lambda: float(next(now)))
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:1", TOKEN, patience=10).about()
    assert next(now) < 20


def test_a_view_decodes_to_what_was_sent(client: Client, fake: FakeCoordinator) -> None:
    seen = view(order())
    declined = replace(seen.asks[0], price=None, taken=False, code="DECLINED", reason="too hot")
    fake.view = replace(seen, asks=(*seen.asks, declined))
    assert client.job(JOB).asks[-1].price is None
