"""Roots on a real escrow: decided in the book, posted once, and told; whatever is killed in between."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3

from coordinator.house import COORDINATOR, SESSION, House, an_honest_order, house, render
from coordinator.playbook import ANN, payout
from tegula_coordinator import events, notary, tiles
from tegula_coordinator.commands import SendRoot
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import chain, devchain, evm, roots, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.codec import encode
from tegula_market.model import Address, JobId, Order, SignedVoucher, Voucher, Wei

pytestmark = pytest.mark.slow

WINDOW = 3_600
Scenario = Callable[[House, JobId], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def local() -> Iterator[DevChain]:
    with devchain.devchain() as running:
        running.give_ether(COORDINATOR.address, Wei(10**18))
        yield running


@pytest.fixture
def escrow(local: DevChain) -> Escrow:
    return Escrow.connect(local.rpc, local.escrow)


@pytest.fixture
def order(local: DevChain) -> Order:
    made = an_honest_order(
        requester=local.key(1).address,
        token=local.dollar,
        window=WINDOW,
        grace=4 * WINDOW,
        arbiter=local.key(5).address,
        salt=Key.generate().address.rjust(32, b"\0"),
    )
    amount = Wei(auction.most(tiles.sizes(made), made.ceiling) + 100)
    local.mint(local.key(1).address, amount)
    Escrow.connect(local.rpc, local.escrow).open(made.terms, amount, local.key(1))
    return made


@pytest.fixture
def act(tmp_path: Path, escrow: Escrow, order: Order) -> Callable[..., None]:
    """With a job that is rendered, and Ann owed for all of it."""

    async def run(scenario: Scenario, after: float) -> None:
        async with house(tmp_path, escrow, root_after=after) as made, asyncio.timeout(60):
            job = await made.open(order)
            await render(made, job)
            await scenario(made, job)

    return lambda scenario, after=0.0: asyncio.run(run(scenario, after))


async def view(it: House, job: JobId) -> Any:
    return await it.get(f"/v1/jobs/{encode(job)}")


def sent(local: DevChain) -> int:
    """Transactions of the coordinator so far."""
    return evm.connect(local.rpc).eth.get_transaction_count(Web3.to_checksum_address(COORDINATOR.address))


def test_a_silent_requester_s_workers_get_a_root(act: Any, escrow: Escrow) -> None:
    async def scenario(it: House, job: JobId) -> None:
        found = it.keeper.book.jobs[job]
        await it.notary.look(found)
        owed = found.ledger.owed[payout(ANN)]
        on_chain = escrow.root(job)
        assert on_chain is not None
        assert (on_chain.hash, on_chain.reserved) == (notary.tree(found).root, owed)
        assert found.root is not None
        assert (found.root.hash, found.root.reserve) == (on_chain.hash, owed)
        assert found.root.final_at == on_chain.final_at
        assert SendRoot(ANN, job) in it.commands
        shown = (await view(it, job))["root"]
        assert shown == {
            "hash": encode(on_chain.hash), "reserve": str(owed), "final_at": on_chain.final_at,
            "owed": str(owed),
        }  # fmt: skip

    act(scenario)


def test_anybody_can_build_the_proofs(act: Any) -> None:
    async def scenario(it: House, job: JobId) -> None:
        path = f"/v1/jobs/{encode(job)}/root"
        missing = await it.client.get(path)
        assert (missing.status_code, "paid by vouchers" in missing.json()["detail"]) == (404, True)
        await it.notary.look(it.keeper.book.jobs[job])
        told = (await it.client.get(path)).json()
        totals = {
            codec.decode(Address, each["worker"]): codec.decode(Wei, each["cumulative"])
            for each in told["totals"]
        }
        tree = roots.Tree.of(job, totals)
        assert encode(tree.root) == told["hash"]
        leaf = roots.leaf(job, payout(ANN), totals[payout(ANN)])
        assert roots.proves(tree.root, leaf, tree.proof(payout(ANN)))

    act(scenario)


def test_a_requester_that_was_heard_gets_its_time(act: Any, escrow: Escrow) -> None:
    async def scenario(it: House, job: JobId) -> None:
        await it.notary.look(it.keeper.book.jobs[job])
        assert escrow.root(job) is None
        assert not it.keeper.book.jobs[job].decided
        assert (await voucher(it, job)).status_code == 200

    act(scenario, after=100.0)


async def voucher(it: House, job: JobId) -> Any:
    owed = it.keeper.book.jobs[job].ledger.owed[payout(ANN)]
    payload = vouchers.voucher_payload(it.domain, Voucher(job, payout(ANN), owed))
    signature = encode(signing.sign(payload, SESSION))
    body = {"worker": encode(payout(ANN)), "cumulative": str(owed), "signature": signature}
    return await it.post(f"/v1/jobs/{encode(job)}/vouchers", body)


def test_no_voucher_beside_it(act: Any) -> None:
    async def scenario(it: House, job: JobId) -> None:
        await it.notary.look(it.keeper.book.jobs[job])
        late = await voucher(it, job)
        assert (late.status_code, "last word" in late.json()["detail"]) == (409, True)

    act(scenario)


def test_killed_between_the_decision_and_the_transaction(act: Any, escrow: Escrow, local: DevChain) -> None:
    async def scenario(it: House, job: JobId) -> None:
        await it.keeper.record(events.RootDecided(1.0, job, "silence"))
        before = sent(local)
        for _ in range(2):
            await it.notary.look(it.keeper.book.jobs[job])
        assert it.keeper.book.jobs[job].root is not None
        assert escrow.root(job) is not None
        assert sent(local) == before + 1

    act(scenario)


def test_killed_between_the_transaction_and_the_event(act: Any, escrow: Escrow, local: DevChain) -> None:
    async def scenario(it: House, job: JobId) -> None:
        found = it.keeper.book.jobs[job]
        await it.keeper.record(events.RootDecided(1.0, job, "silence"))
        escrow.post_root(found.order.terms, notary.tree(found).root, found.ledger.total_owed, COORDINATOR)
        before = sent(local)
        await it.notary.look(found)
        assert found.root is not None
        assert sent(local) == before

    act(scenario)


def test_a_chain_that_is_away_is_tried_again(act: Any, escrow: Escrow) -> None:
    async def scenario(it: House, job: JobId) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(escrow, "post_root", away)
            await it.notary.look(it.keeper.book.jobs[job])
        assert it.keeper.book.jobs[job].decided
        assert it.keeper.book.jobs[job].root is None
        await it.notary.look(it.keeper.book.jobs[job])
        assert it.keeper.book.jobs[job].root is not None

    act(scenario)


def away(*_: object) -> None:
    raise chain.Unreachable("no answer")


def test_it_is_closed_with_what_the_root_keeps(act: Any, escrow: Escrow, order: Order) -> None:
    """Ann has claimed a voucher since, and what is reserved for her is more than she still gets."""

    async def scenario(it: House, job: JobId) -> None:
        found = it.keeper.book.jobs[job]
        owed = found.ledger.total_owed
        await it.notary.look(found)
        part = Voucher(job, payout(ANN), Wei(10))
        payload = vouchers.voucher_payload(it.domain, part)
        signed = SignedVoucher(part, signing.sign(payload, SESSION), signing.sign(payload, COORDINATOR))
        escrow.claim(order.terms, signed, COORDINATOR)
        assert (await view(it, job))["root"]["owed"] == str(owed + 10)
        for amount, status in ((owed, 422), (owed + 10, 200), (owed + 10, 200), (owed, 422)):
            payload = vouchers.close_payload(it.domain, job, Wei(amount))
            ours = signing.sign(payload, SESSION)
            body = {"owed": str(amount), "signature": encode(ours)}
            answer = await it.post(f"/v1/jobs/{encode(job)}/close", body)
            assert answer.status_code == status, answer.text
        theirs = signing.sign(vouchers.close_payload(it.domain, job, Wei(owed + 10)), COORDINATOR)
        ours = signing.sign(vouchers.close_payload(it.domain, job, Wei(owed + 10)), SESSION)
        assert escrow.close(order.terms, Wei(owed + 10), ours, theirs, COORDINATOR)

    act(scenario)
