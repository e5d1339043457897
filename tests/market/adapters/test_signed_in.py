"""A key that signs in, at a real coordinator over HTTP, and at those that want a signature for others."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from coordinator.house import CONFIG, DERIVE, House, an_honest_order, house
from coordinator.served import served
from listening import free_port
from tegula_blender.client import Client, Unreachable
from tegula_market.adapters import blobs, signed_in, signing
from tegula_market.adapters.blobs import BlobClient
from tegula_market.adapters.signed_in import NotSignedIn, SignedIn
from tegula_market.digests import digest
from tegula_market.model import Address

KEY = signing.Key.generate()
SIGN = partial(signing.sign_text, key=KEY)


def at_a_coordinator(folder: Path, act: Callable[[House, str], Awaitable[None]], **changes: Any) -> None:
    async def run() -> None:
        port = free_port()  # before: it is in what is signed
        public = f"http://127.0.0.1:{port}"
        config = replace(CONFIG, public_http=public, **changes)
        async with house(folder, config=config) as it, served(it.app, port) as url:
            assert url == public
            await act(it, url)

    asyncio.run(run())


def test_a_key_orders_without_a_token(tmp_path: Path) -> None:
    async def act(it: House, url: str) -> None:
        client = Client(url, SignedIn(url + "/", KEY.address, SIGN))
        await asyncio.to_thread(client.check_token)
        assert await asyncio.to_thread(client.blobs.upload_bytes, b"tile") == digest(b"tile")
        assert (await asyncio.to_thread(client.market)).workers == ()
        client.disconnect()
        job = await it.open(an_honest_order(requester=KEY.address))
        again = Client(url, SignedIn(url, KEY.address, SIGN))
        assert (await asyncio.to_thread(again.job, job)).phase == "OPEN"
        again.disconnect()
        assert [entry.act for entry in it.audit.last(100)].count("sign-in") == 2, "once for each client"

    at_a_coordinator(tmp_path, act)


def test_it_signs_in_again_before_its_token_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Time:
        now = 100.0
        time = staticmethod(signed_in.time.time)

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(signed_in, "time", Time)

    async def act(it: House, url: str) -> None:
        client = Client(url, SignedIn(url, KEY.address, SIGN))
        for later, times in ((0, 1), (3600 * 0.7, 1), (3600 * 0.1, 2)):
            Time.now += later
            await asyncio.to_thread(client.check_token)
            assert [entry.act for entry in it.audit.last(100)].count("sign-in") == times
        client.disconnect()

    at_a_coordinator(tmp_path, act)


def test_a_token_that_has_ended_meanwhile_is_not_the_last_word(tmp_path: Path) -> None:
    """As it has when a computer slept: no time has passed by its clock."""

    async def act(it: House, url: str) -> None:
        client = Client(url, SignedIn(url, KEY.address, SIGN), patience=60)
        for _ in range(2):
            await asyncio.to_thread(client.check_token)
            await asyncio.to_thread(client.blobs.upload_bytes, b"tile")
            monkey.setattr(DERIVE, "_secret", bytes(32))  # no token of before is good any more
        client.disconnect()
        assert [entry.act for entry in it.audit.last(100)].count("sign-in") == 2

    with pytest.MonkeyPatch.context() as monkey:
        at_a_coordinator(tmp_path, act)


def test_where_strangers_are_not_let_in_that_is_the_answer(tmp_path: Path) -> None:
    async def act(_it: House, url: str) -> None:
        client = Client(url, SignedIn(url, KEY.address, SIGN), patience=60)
        with pytest.raises(NotSignedIn, match="nobody signs in with an account here; ask the operator"):
            await asyncio.to_thread(client.check_token)
        with pytest.raises(NotSignedIn):
            await asyncio.to_thread(client.blobs.missing, [digest(b"tile")])
        client.disconnect()

    at_a_coordinator(tmp_path, act, sign_in=False)


def test_a_key_that_is_not_the_account_s_is_not_let_in(tmp_path: Path) -> None:
    async def act(_it: House, url: str) -> None:
        client = BlobClient(url, SignedIn(url, Address(b"\x01" * 20), SIGN))
        with pytest.raises(NotSignedIn, match=r"0x0101.* is not let in at .*: the message is not signed by"):
            await asyncio.to_thread(client.missing, [digest(b"tile")])
        client.close()

    at_a_coordinator(tmp_path, act)


def answering(monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, object]) -> None:
    """Sign-ins are answered with these, one after the other."""
    left = iter(answers)

    def post(_self: requests.Session, _url: str, **_: Any) -> requests.Response:
        status, body = next(left)
        made = requests.Response()
        made.status_code, made.reason = status, "a reason"
        made._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return made

    monkeypatch.setattr(requests.Session, "post", post)


def prepared() -> requests.PreparedRequest:
    return requests.Request("GET", "https://render.example.org/v1/market").prepare()


def text(origin: str, account: Address = KEY.address) -> str:
    first = f"{origin} wants you to sign in with your Ethereum account:"
    return f"{first}\n{signing.checksummed(account)}\n\nand so on"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://render.example.org", "render.example.org"),
        ("https://render.example.org:443/", "https://render.example.org"),
        ("https://Render.example.org/tegula", "render.example.org:443"),
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700"),
    ],
)
def test_it_signs_for_the_coordinator_that_was_named(
    monkeypatch: pytest.MonkeyPatch, url: str, origin: str
) -> None:
    asked = {"nonce": "x", "message": text(origin)}
    answering(monkeypatch, (200, asked), (200, {"token": "let me in", "expires": 10**10}))
    request = SignedIn(url, KEY.address, SIGN)(prepared())
    assert request.headers["Authorization"] == "Bearer let me in"


@pytest.mark.parametrize(
    "message",
    [
        text("bank.example.org"),
        text("http://render.example.org"),
        text("render.example.org:8443"),
        text("render.example.org.evil.example"),
        text("ann@render.example.org"),
        text("render.example.org", Address(b"\x01" * 20)),
        "I give all that I have to Bob",
        "",
    ],
)
def test_it_signs_for_nobody_else(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    """Or a coordinator could use its requesters' keys at another one, or anywhere."""

    def sign(_: str) -> bytes:
        pytest.fail("it was signed")

    answering(monkeypatch, (200, {"nonce": "x", "message": message}))
    with pytest.raises(NotSignedIn, match="nothing was signed"):
        SignedIn("https://render.example.org", KEY.address, sign)(prepared())


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_as_if_nobody_had_answered(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    answering(monkeypatch, *[(status, {"detail": "later"})] * 9)
    with pytest.raises(requests.ConnectionError, match="later"):
        SignedIn("https://x", KEY.address, SIGN)(prepared())
    with pytest.raises(Unreachable):
        Client("https://x", SignedIn("https://x", KEY.address, SIGN)).check_token()
    with pytest.raises(blobs.Away):
        BlobClient("https://x", SignedIn("https://x", KEY.address, SIGN), patience=0).missing([digest(b"x")])


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", {}, {"nonce": "x"}, {"detail": 7}, {"message": text("https://x")}]
)
def test_what_is_no_coordinator_is_told(monkeypatch: pytest.MonkeyPatch, body: object) -> None:
    answering(monkeypatch, (200, body))
    with pytest.raises(NotSignedIn, match="is the address right"):
        SignedIn("https://x", KEY.address, SIGN)(prepared())


@pytest.mark.parametrize(
    "answers",
    [
        [(200, {"nonce": "n", "message": 5})],
        [(200, {"nonce": None, "message": text("https://render.example.org")})],
        [
            (200, {"nonce": "n", "message": text("https://render.example.org")}),
            (200, {"token": "t", "expires": "soon"}),
        ],
    ],
)
def test_an_answer_of_the_wrong_kind_is_no_coordinator_s(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[int, object]]
) -> None:
    answering(monkeypatch, *answers)
    with pytest.raises(NotSignedIn, match="is the address right"):
        SignedIn("https://render.example.org", KEY.address, SIGN)(prepared())
