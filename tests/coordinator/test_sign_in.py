"""Signing in with an Ethereum account: the text, held to its standard, and what follows from a signature."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from abnf import ParseError, Rule
from abnf.grammars import rfc3339, rfc3986
from abnf.grammars.misc import load_grammar_rulelist

from coordinator.house import CONFIG, DERIVE, Act, House, acting, an_honest_order, house
from tegula_coordinator import sign_in as module
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.config import Config
from tegula_coordinator.derive import Derive
from tegula_coordinator.refusals import NotKnown
from tegula_coordinator.sign_in import GOOD_SECONDS, Asked, NotOffered, SignIn
from tegula_market import codec
from tegula_market.adapters import chain, signing
from tegula_market.model import Address

ANN, BOB = signing.Key.generate(), signing.Key.generate()
NAME = codec.encode(ANN.address)


@load_grammar_rulelist(
    [
        *((name, rfc3986.Rule(name)) for name in ("authority", "URI", "reserved", "unreserved", "pchar")),
        ("date-time", rfc3339.Rule("date-time")),
    ]
)
class Eip4361(Rule):
    """The grammar of ERC-4361 ("ABNF Message Format"); `uri` is RFC 3986's, as case means nothing."""

    grammar = """
sign-in-with-ethereum =
    [ scheme "://" ] domain %s" wants you to sign in with your Ethereum account:" LF
    address LF
    LF
    [ statement LF ]
    LF
    %s"URI: " uri LF
    %s"Version: " version LF
    %s"Chain ID: " chain-id LF
    %s"Nonce: " nonce LF
    %s"Issued At: " issued-at
    [ LF %s"Expiration Time: " expiration-time ]
    [ LF %s"Not Before: " not-before ]
    [ LF %s"Request ID: " request-id ]
    [ LF %s"Resources:" resources ]
scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
domain = authority
address = "0x" 40*40HEXDIG
statement = *( reserved / unreserved / " " )
version = "1"
chain-id = 1*DIGIT
nonce = 8*( ALPHA / DIGIT )
issued-at = date-time
expiration-time = date-time
not-before = date-time
request-id = *pchar
resources = *( LF resource )
resource = "- " URI
"""


def parts(text: str) -> dict[str, str]:
    """What a wallet reads in the text. Raises: ParseError: it is none of the standard's."""
    found: dict[str, str] = {}

    def visit(node: Any) -> None:
        found.setdefault(node.name.lower(), node.value)
        for child in node.children:
            visit(child)

    visit(Eip4361("sign-in-with-ethereum").parse_all(text))
    return found


class Clock:
    now = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


class Contracts:
    """One account that is a contract, and takes one signature."""

    account, signature = Address(b"\x0c" * 20), b"two of three have signed" * 9

    def approves(self, account: Address, _digest: bytes, signature: bytes) -> bool:
        return (account, signature) == (self.account, self.signature)


def desk_of(
    config: Config = CONFIG, clock: Callable[[], float] | None = None, derive: Derive = DERIVE
) -> SignIn:
    return SignIn(config, 31337, derive, Contracts(), clock or Clock())


def entered(it: SignIn, asked: Asked, signature: bytes) -> tuple[str, Any]:
    return asyncio.run(it.enter(asked.nonce, signature))


@pytest.mark.parametrize(
    ("url", "shown", "domain"),
    [
        ("https://render.example.org", "render.example.org", "render.example.org"),
        ("https://example.org:8443/tegula/", "example.org:8443", "example.org:8443"),
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700", "127.0.0.1:8700"),
        ("http://[::1]:8700", "http://[::1]:8700", "[::1]:8700"),
    ],
)
def test_the_text_is_one_that_wallets_know(url: str, shown: str, domain: str) -> None:
    asked = desk_of(replace(CONFIG, public_http=url)).ask(ANN.address)
    read = parts(asked.text)
    assert (read["domain"], read["uri"]) == (domain, url)
    assert asked.text.startswith(f"{shown} wants you to sign in")
    assert read["address"] == ANN.account.address, "with the capitals of EIP-55"
    assert (read["version"], read["chain-id"], read["statement"]) == ("1", "31337", module.STATEMENT)
    assert (read["nonce"], len(asked.nonce) >= 8, asked.nonce.isalnum()) == (asked.nonce, True, True)
    assert (read["issued-at"], read["expiration-time"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:18:20Z")
    assert asked.until == 1_700_000_000 + GOOD_SECONDS


def test_the_grammar_tells_other_texts() -> None:
    text = desk_of().ask(ANN.address).text
    for other in (
        text + "\n",
        text.replace("Version: 1", "Version: 2"),
        text.replace("\n\n", "\n"),
        f" {text}",
    ):
        with pytest.raises(ParseError):
            parts(other)


def test_no_two_texts_are_the_same() -> None:
    it = desk_of()
    assert len({it.ask(ANN.address).nonce for _ in range(100)}) == 100


def test_a_signature_gives_a_token_for_the_account_and_an_hour() -> None:
    clock = Clock()
    it = desk_of(clock=clock)
    asked = it.ask(ANN.address)
    clock.now += 100
    secret, token = entered(it, asked, signing.sign_text(asked.text, ANN))
    assert (token.name, token.account, token.signed_in) == (NAME, ANN.address, True)
    assert token.scopes == {Scope.READ, Scope.ORDER}
    assert token.expires == int(clock.now) + 3600
    assert (token.requests, token.jobs, token.upload_bytes) == (600, 4, 16 << 30)
    assert it.token_of(secret) == token
    assert desk_of().token_of(secret) == token, "an heir believes it, too"
    assert desk_of(derive=Derive(b"l" * 32)).token_of(secret) is None
    assert desk_of(replace(CONFIG, sign_in=False)).token_of(secret) is None
    for forged in ("", ".", "a.b", secret + "0", secret.replace("7", "8", 1), DERIVE.blob_token(bytes(32))):  # type: ignore[arg-type]
        assert it.token_of(forged) is None


@pytest.mark.parametrize("first", [27, 0])
def test_the_two_ways_in_which_wallets_count_are_taken(first: int) -> None:
    it = desk_of()
    asked = it.ask(ANN.address)
    signature = signing.sign_text(asked.text, ANN)
    assert entered(it, asked, signature[:64] + bytes([signature[64] - 27 + first]))[1].name == NAME


def test_a_text_is_good_once_for_minutes_and_for_its_account() -> None:
    clock = Clock()
    it = desk_of(clock=clock)
    asked, late, other = (it.ask(ANN.address) for _ in range(3))
    good = signing.sign_text(asked.text, ANN)
    entered(it, asked, good)
    with pytest.raises(NotKnown, match="no such message, or no more"):
        entered(it, asked, good)
    for bad in (signing.sign_text(other.text, BOB), good, b"", bytes(65), b"\xff" * 4096):
        with pytest.raises(NotKnown, match=f"not signed by {NAME}"):
            entered(it, it.ask(ANN.address), bad)
    clock.now += GOOD_SECONDS
    with pytest.raises(NotKnown, match="no such message, or no more"):
        entered(it, late, signing.sign_text(late.text, ANN))
    it.ask(ANN.address)
    assert len(it._asked) == 1, "what is no more good is forgotten"


def test_what_nobody_signed_is_not_signed_by_the_zero_address() -> None:
    it = desk_of()
    for bad in (b"", bytes(65), b"\xff" * 65):
        with pytest.raises(NotKnown, match="not signed by 0x0000"):
            entered(it, it.ask(Address(bytes(20))), bad)


def test_what_was_spoilt_by_a_wrong_signature_is_not_tried_again() -> None:
    it = desk_of()
    asked = it.ask(ANN.address)
    for signature in (signing.sign_text(asked.text, BOB), signing.sign_text(asked.text, ANN)):
        with pytest.raises(NotKnown):
            entered(it, asked, signature)


def test_an_account_that_is_a_contract_is_asked_on_its_chain() -> None:
    it = desk_of()
    secret, token = entered(it, it.ask(Contracts.account), Contracts.signature)
    assert (token.account, it.token_of(secret)) == (Contracts.account, token)
    with pytest.raises(NotKnown):
        entered(it, it.ask(Contracts.account), Contracts.signature[1:])


def test_where_it_is_not_offered_nothing_is_made() -> None:
    it = desk_of(replace(CONFIG, sign_in=False))
    for act in (lambda: it.ask(ANN.address), lambda: asyncio.run(it.enter("x", b""))):
        with pytest.raises(NotOffered, match="ask the operator for a token"):
            act()


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return acting(tmp_path)


async def signs_in(it: House, key: signing.Key) -> dict[str, str]:
    """Headers with the token."""
    account = key.account.address  # in capitals and small letters, as wallets spell it
    asked = (await it.client.post("/v1/sign-in/message", json={"account": account})).json()
    signature = codec.encode(signing.sign_text(asked["message"], key))
    body = {"nonce": asked["nonce"], "signature": signature.upper().replace("X", "x")}
    answer = await it.client.post("/v1/sign-in", json=body)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_a_stranger_signs_in_orders_and_sees_its_own_job_alone(act: Act) -> None:
    async def scenario(it: House) -> None:
        assert (await it.client.get("/v1/sign-in")).json() == {"offered": True}
        theirs = await it.open(an_honest_order())
        it.as_requester = await signs_in(it, ANN)
        mine = await it.open(an_honest_order(requester=ANN.address))
        assert (await it.get(f"/v1/jobs/{codec.encode(mine)}"))["phase"] == "OPEN"
        other = await it.client.get(f"/v1/jobs/{codec.encode(theirs)}", headers=it.as_requester)
        assert other.status_code == 404
        assert (await it.order(an_honest_order(salt=b"\x05" * 32))).status_code == 403
        deposit = await it.post("/v1/deposits", {})
        assert (deposit.status_code, "wants relay" in deposit.json()["detail"]) == (403, True)
        assert (await it.get("/v1/market"))["workers"] == []
        noted = [(entry.who, entry.act, entry.subject) for entry in it.audit.last(100)]
        assert (NAME, "sign-in", "127.0.0.1") in noted
        assert (NAME, "order", codec.encode(mine)) in noted
        assert chain.job_id(an_honest_order(requester=BOB.address).terms) not in it.keeper.book.jobs

    act(scenario)


def test_what_is_wrong_with_a_sign_in_is_said_and_noted(act: Act) -> None:
    async def scenario(it: House) -> None:
        for path, body in (
            ("/message", {"account": "0x01"}),
            ("/message", {}),
            ("", {"nonce": "x" * 65, "signature": "0x"}),
            ("", {"nonce": "x", "signature": "0x0"}),
            ("", {"nonce": "x", "signature": "0x" + "00" * 4097}),
        ):
            answer = await it.client.post(f"/v1/sign-in{path}", json=body)
            assert (answer.status_code, bool(answer.json()["detail"])) == (422, True), body
        forged = await it.client.post("/v1/sign-in", json={"nonce": "x", "signature": "0x"})
        assert (forged.status_code, "no such message" in forged.json()["detail"]) == (401, True)
        (noted,) = it.audit.last(100)
        assert (noted.who, noted.act, noted.subject) == ("127.0.0.1", "refused", "POST /v1/sign-in")

    act(scenario)


def test_an_account_that_was_shut_out_does_not_sign_in(act: Act) -> None:
    async def scenario(it: House) -> None:
        mine = Token(NAME, module.SCOPES, account=ANN.address, revoked=1.0)
        it.tokens.add(mine, b"x" * 32)
        asked = (await it.client.post("/v1/sign-in/message", json={"account": NAME})).json()
        body = {"nonce": asked["nonce"], "signature": codec.encode(signing.sign_text(asked["message"], ANN))}
        answer = await it.client.post("/v1/sign-in", json=body)
        assert (answer.status_code, "was revoked" in answer.json()["detail"]) == (401, True)

    act(scenario)


def test_where_it_is_not_offered_that_is_said(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, config=replace(CONFIG, sign_in=False)) as it:
            assert (await it.client.get("/v1/sign-in")).json() == {"offered": False}
            for path, body in (("/message", {"account": NAME}), ("", {"nonce": "x", "signature": "0x"})):
                answer = await it.client.post(f"/v1/sign-in{path}", json=body)
                assert (answer.status_code, "ask the operator" in answer.json()["detail"]) == (404, True)

    asyncio.run(run())
