"""What happens to jobs in a real escrow, and what the book makes of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from chains import ask, running, travel
from coordinator.house import COORDINATOR, House, an_honest_order, house, render
from tegula_coordinator import tiles
from tegula_coordinator.lookout import Lookout
from tegula_coordinator.relay import Relay
from tegula_market import auction
from tegula_market.adapters import evm
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import Order, Wei

pytestmark = pytest.mark.slow

WINDOW = 3_600
Scenario = Callable[[House, Lookout], Coroutine[Any, Any, None]]


@pytest.fixture
def local() -> Iterator[DevChain]:
    with running("anvil") as chain:
        chain.give_ether(COORDINATOR.address, Wei(10**18))
        chain.mint(chain.key(1).address, Wei(10**6))
        yield chain


@pytest.fixture
def order(local: DevChain) -> Order:
    return an_honest_order(
        requester=local.key(1).address,
        token=local.dollar,
        window=WINDOW,
        grace=4 * WINDOW,
        arbiter=local.key(5).address,
        salt=Key.generate().address.rjust(32, b"\0"),
    )


@pytest.fixture
def act(tmp_path: Path, local: DevChain) -> Callable[[Scenario], None]:
    async def run(scenario: Scenario) -> None:
        escrow = connect(local)
        relay = Relay(escrow, COORDINATOR, None)
        async with house(tmp_path, escrow) as made, asyncio.timeout(60):
            lookout = Lookout(made.keeper, relay, escrow.watcher(tmp_path / "events.db"))
            await scenario(made, lookout)

    return lambda scenario: asyncio.run(run(scenario))


def connect(local: DevChain) -> Escrow:
    """Without a memory of what was sent before."""
    return Escrow.connect(local.rpc, local.escrow)


def deposit(local: DevChain, order: Order) -> None:
    amount = auction.most(tiles.sizes(order), order.ceiling)
    assert connect(local).open(order.terms, amount, local.key(1))


def test_a_deposit_that_is_taken_back_stops_its_job_until_it_is_there_again(
    act: Any, local: DevChain, order: Order
) -> None:
    async def scenario(it: House, lookout: Lookout) -> None:
        web3 = evm.connect(local.rpc)
        fork = ask(web3, "evm_snapshot")
        deposit(local, order)
        await lookout.look()
        job = it.keeper.book.jobs[await it.open(order)]
        await lookout.look()
        assert not job.adrift
        ask(web3, "evm_revert", fork)
        ask(web3, "evm_mine")
        await lookout.look()
        assert job.adrift
        deposit(local, order)
        await lookout.look()
        assert not job.adrift

    act(scenario)


def test_a_root_that_is_voided_is_none_any_more(act: Any, local: DevChain, order: Order) -> None:
    async def scenario(it: House, lookout: Lookout) -> None:
        deposit(local, order)
        job = it.keeper.book.jobs[await it.open(order)]
        await render(it, job.id)
        await it.notary.look(job)
        escrow = connect(local)
        escrow.dispute(order.terms, local.key(1))
        await lookout.look()
        assert job.root is not None
        escrow.rule(order.terms, local.key(5), stands=False)
        await lookout.look()
        assert (job.root, job.decided) == (None, False)
        await lookout.look()

    act(scenario)


def test_a_job_whose_root_is_upheld_and_whose_rest_went_back_is_over(
    act: Any, local: DevChain, order: Order
) -> None:
    async def scenario(it: House, lookout: Lookout) -> None:
        deposit(local, order)
        job = it.keeper.book.jobs[await it.open(order)]
        await render(it, job.id)
        await it.notary.look(job)
        escrow = connect(local)
        escrow.dispute(order.terms, local.key(1))
        escrow.rule(order.terms, local.key(5), stands=True)
        travel(evm.connect(local.rpc), order.terms.deadline + order.terms.grace)
        assert escrow.refund(order.terms, local.key(2))
        await lookout.look()
        assert job.root is not None
        assert job.refunded
        assert it.keeper.book.live == {}

    act(scenario)
