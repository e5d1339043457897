"""Deposits and closes over HTTP, relayed to a real escrow for requesters that have no ether."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.house import (
    AS_REQUESTER,
    COORDINATOR,
    SESSION,
    Act,
    House,
    Scenario,
    an_honest_order,
    house,
    render,
)
from coordinator.playbook import ANN
from tegula_coordinator import tiles
from tegula_coordinator.relay import NothingRelayed, Relay
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import chain, devchain, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, Order, Terms, Voucher, Wei

pytestmark = pytest.mark.slow

POCKET = Wei(10**6)
AMOUNT = Wei(auction.most(tiles.sizes(an_honest_order()), an_honest_order().ceiling))
GAS_MONEY = Wei(10**18)


@pytest.fixture(scope="module")
def local() -> Iterator[DevChain]:
    with devchain.devchain() as running:
        running.give_ether(COORDINATOR.address, GAS_MONEY)
        yield running


@pytest.fixture(scope="module")
def escrow(local: DevChain) -> Escrow:
    return Escrow.connect(local.rpc, local.escrow)


@pytest.fixture
def artist(local: DevChain, escrow: Escrow) -> Key:
    """With dollars, and without ether."""
    made = Key.generate()
    local.mint(made.address, POCKET)
    return made


@pytest.fixture
def act(tmp_path: Path, local: DevChain, escrow: Escrow) -> Act:
    async def run(scenario: Scenario) -> None:
        async with house(tmp_path, escrow, escrow.token(local.dollar)) as made, asyncio.timeout(60):
            await scenario(made)

    return lambda scenario: asyncio.run(run(scenario))


Sign = Callable[..., dict[str, Any]]


@pytest.fixture
def deposit(local: DevChain, escrow: Escrow, artist: Key) -> Sign:
    """The body of a deposit as an honest artist signs it, with what is to be different."""

    def signed(terms: Terms, amount: Wei = AMOUNT, key: Key = artist, until: int = 2**40) -> dict[str, Any]:
        domain, job = escrow.token(local.dollar).domain, chain.job_id(terms)
        payload = vouchers.deposit_payload(domain, local.escrow, terms.requester, job, amount, 0, until)
        return {
            "terms": codec.encode(terms),
            "amount": str(amount),
            "valid_after": 0,
            "valid_before": until,
            "signature": codec.encode(signing.sign(payload, key)),
        }

    return signed


@pytest.fixture
def order(local: DevChain, artist: Key) -> Order:
    return an_honest_order(requester=artist.address, token=local.dollar)


def test_an_account_is_shown_in_the_currency(act: Act, local: DevChain, artist: Key) -> None:
    async def scenario(it: House) -> None:
        assert await it.get(f"/v1/accounts/{codec.encode(artist.address)}") == {
            "currency": codec.encode(local.dollar),
            "symbol": "tUSD",
            "decimals": 6,
            "name": "Tegula test dollar",
            "version": "1",
            "balance": str(POCKET),
        }
        nobody = await it.client.get("/v1/accounts/0x00", headers=AS_REQUESTER)
        assert (nobody.status_code, "address" in nobody.json()["detail"]) == (422, True)

    act(scenario)


def test_a_job_is_paid_from_deposit_to_settlement_without_ether(
    act: Act, escrow: Escrow, local: DevChain, artist: Key, order: Order, deposit: Sign
) -> None:
    async def scenario(it: House) -> None:
        job, body = chain.job_id(order.terms), deposit(order.terms)
        await it.upload_scene()
        taken = await it.post("/v1/deposits", body)
        assert taken.status_code == 200, taken.text
        assert taken.json()["job"] == codec.encode(job)
        assert len(codec.decode(bytes, taken.json()["tx"])) == 32
        assert (await it.post("/v1/deposits", body)).json() == {"job": codec.encode(job), "tx": None}
        assert escrow.account(job).funded == AMOUNT
        assert escrow.balance(local.dollar, artist.address) == POCKET - AMOUNT
        assert (await it.order(order)).status_code == 201

        owed = await render(it, job)
        worker, at = Address(ANN[:20]), f"/v1/jobs/{codec.encode(job)}"
        closing = vouchers.close_payload(it.domain, job, Wei(owed))
        settling = {"owed": str(owed), "signature": codec.encode(signing.sign(closing, SESSION))}
        assert (await it.post(f"{at}/settle", settling)).status_code == 409  # not before the voucher
        assert escrow.account(job).open
        voucher = vouchers.voucher_payload(it.domain, Voucher(job, worker, Wei(owed)))
        signed = codec.encode(signing.sign(voucher, SESSION))
        said = {"worker": codec.encode(worker), "cumulative": str(owed), "signature": signed}
        assert (await it.post(f"{at}/vouchers", said)).status_code == 200
        settled = (await it.post(f"{at}/settle", settling)).json()
        assert settled["returned"] == str(AMOUNT - owed)
        assert len(codec.decode(bytes, settled["tx"])) == 32
        assert (await it.post(f"{at}/settle", settling)).json() == {**settled, "tx": None}
        assert (await it.get(at))["phase"] == "CLOSED"
        assert escrow.account(job).status is chain.Status.CLOSED
        assert escrow.balance(local.dollar, artist.address) == POCKET - owed
        assert escrow.balance(ETHER, artist.address) == 0

    act(scenario)


def test_a_close_that_was_signed_but_not_relayed_is_made_up_for(
    act: Act, escrow: Escrow, order: Order, deposit: Sign
) -> None:
    """The coordinator may be killed, or without ether, between the two."""

    async def scenario(it: House) -> None:
        await it.upload_scene()
        await it.post("/v1/deposits", deposit(order.terms))
        await it.order(order)
        job = chain.job_id(order.terms)
        signature = signing.sign(vouchers.close_payload(it.domain, job, Wei(0)), SESSION)
        body, at = {"owed": "0", "signature": codec.encode(signature)}, f"/v1/jobs/{codec.encode(job)}"
        assert (await it.post(f"{at}/cancel", {})).status_code == 200
        assert (await it.post(f"{at}/close", body)).status_code == 200
        assert escrow.account(job).open
        settled = (await it.post(f"{at}/settle", body)).json()
        assert (settled["tx"] is not None, settled["returned"]) == (True, str(AMOUNT))

    act(scenario)


def test_deposits_that_come_together_are_sent_one_by_one(
    act: Act, escrow: Escrow, order: Order, deposit: Sign
) -> None:
    async def scenario(it: House) -> None:
        many = [replace(order.terms, salt=bytes([number]) * 32) for number in (1, 2, 3, 3)]
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(it.post("/v1/deposits", deposit(terms, Wei(7)))) for terms in many]
        answers = [task.result().json() for task in sent]
        assert [answer["job"] for answer in answers] == [codec.encode(chain.job_id(terms)) for terms in many]
        assert len({answer["tx"] for answer in answers}) == 4, answers
        assert sum(answer["tx"] is None for answer in answers[2:]) == 1
        assert all(escrow.account(chain.job_id(terms)).funded == 7 for terms in many)

    act(scenario)


def test_a_deposit_that_the_account_does_not_hold_is_refused(
    act: Act, escrow: Escrow, order: Order, deposit: Sign
) -> None:
    async def scenario(it: House) -> None:
        answer = await it.post("/v1/deposits", deposit(order.terms, Wei(POCKET + 1)))
        assert answer.status_code == 402
        assert answer.json()["detail"].startswith(
            f"the deposit is {POCKET + 1} and the account holds {POCKET} units of tUSD; put more into it"
        )
        assert escrow.account(chain.job_id(order.terms)).status is chain.Status.NONE

    act(scenario)


def test_a_deposit_that_does_not_hold_is_explained(act: Act, order: Order, deposit: Sign) -> None:
    async def scenario(it: House) -> None:
        terms, good = order.terms, deposit(order.terms)
        for body, says in (
            (deposit(replace(terms, coordinator=Address(b"\x09" * 20))), "another coordinator"),
            (deposit(replace(terms, token=Address(b"\x09" * 20))), "in tUSD only"),
            (deposit(replace(terms, token=ETHER)), "in tUSD only"),
            (deposit(terms, key=SESSION), "not signed by the requester"),
            ({**good, "amount": str(AMOUNT - 1)}, "not signed by the requester"),
            ({**good, "terms": codec.encode(replace(terms, salt=b"\x05" * 32))}, "not signed by"),
            (deposit(terms, until=1000), "not good at this time"),
            (deposit(replace(terms, deadline=1000)), "deadline has passed"),
            ({**good, "signature": "0x00"}, "signature"),
            ({**good, "terms": {}}, "terms"),
            ({**good, "valid_after": -1}, ""),
            ({**good, "valid_before": 2**47}, ""),
            ({**good, "valid_before": "9"}, ""),
            ({**good, "more": 1}, ""),
        ):
            answer = await it.post("/v1/deposits", body)
            assert answer.status_code == 422, answer.text
            assert says in str(answer.json()["detail"])

    act(scenario)


def test_jobs_in_other_tokens_are_not_closed_for_their_requesters(
    act: Act, local: DevChain, escrow: Escrow
) -> None:
    """Their token's code would run at the operator's expense."""

    async def scenario(it: House) -> None:
        payer = local.key(3)
        order = an_honest_order(requester=payer.address, token=ETHER)
        await asyncio.to_thread(escrow.open, order.terms, AMOUNT, payer)
        await it.upload_scene()
        assert (await it.order(order)).status_code == 201
        job = chain.job_id(order.terms)
        signature = signing.sign(vouchers.close_payload(it.domain, job, Wei(0)), SESSION)
        at = f"/v1/jobs/{codec.encode(job)}"
        answer = await it.post(f"{at}/settle", {"owed": "0", "signature": codec.encode(signature)})
        assert (answer.status_code, "in tUSD only" in answer.json()["detail"]) == (422, True)
        assert (await it.get(at))["phase"] == "OPEN"

    act(scenario)


def test_a_coordinator_without_ether_says_who_is_to_send_it_some(
    tmp_path: Path, local: DevChain, escrow: Escrow, order: Order, deposit: Sign
) -> None:
    poor = Key.generate()

    async def scenario() -> None:
        async with house(tmp_path, escrow, escrow.token(local.dollar), poor) as it, asyncio.timeout(60):
            body = deposit(replace(order.terms, coordinator=poor.address))
            answer = await it.post("/v1/deposits", body)
            assert (answer.status_code, "retry-after" in answer.headers) == (503, False)
            assert f"operator to send some to 0x{poor.address.hex()}" in answer.json()["detail"]
            local.give_ether(poor.address, GAS_MONEY)
            assert (await it.post("/v1/deposits", body)).json()["tx"] is not None

    asyncio.run(scenario())


def test_a_chain_that_is_away_is_said(tmp_path: Path) -> None:
    with devchain.devchain() as short:
        escrow = Escrow.connect(short.rpc, short.escrow)
        token = escrow.token(short.dollar)

    async def scenario() -> None:
        async with house(tmp_path, escrow, token) as it, asyncio.timeout(60):
            answer = await it.client.get(f"/v1/accounts/0x{'00' * 20}", headers=AS_REQUESTER)
            assert (answer.status_code, "chain does not answer" in answer.json()["detail"]) == (503, True)
            assert answer.headers["retry-after"] == "5"

    asyncio.run(scenario())


def test_a_currency_that_takes_no_signed_deposits_is_found_at_the_start(
    local: DevChain, escrow: Escrow
) -> None:
    with pytest.raises(chain.Refused, match="ERC-3009"):
        Relay.open(escrow, COORDINATOR, local.escrow)
    assert Relay.open(escrow, COORDINATOR, local.dollar).currency.symbol == "tUSD"
    with pytest.raises(NothingRelayed):
        _ = Relay.open(escrow, COORDINATOR, ETHER).currency


def test_the_api_describes_what_is_sent_and_answered(act: Act) -> None:
    async def scenario(it: House) -> None:
        described = (await it.client.get("/openapi.json")).json()
        paths, models = described["paths"], described["components"]["schemas"]
        for path, method, answer in (
            ("/v1/accounts/{address}", "get", "AccountView"),
            ("/v1/deposits", "post", "Deposited"),
            ("/v1/jobs/{job}/settle", "post", "Settled"),
        ):
            content = paths[path][method]["responses"]["200"]["content"]["application/json"]
            assert content["schema"]["$ref"].endswith(f"/{answer}")
        assert set(models["SignedDeposit"]["required"]) == set(models["SignedDeposit"]["properties"])
        assert "nonce: the job's id" in models["SignedDeposit"]["properties"]["signature"]["description"]

    act(scenario)
