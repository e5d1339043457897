"""Claims that wait for a low fee, and what was claimed on its way to another address."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from chains import running
from fakes import GAS, FakeEscrow, FullDisk
from orders import an_order
from tegula_market import vouchers
from tegula_market.adapters import chain, evm, signing
from tegula_market.adapters.chain import Escrow, Root
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.roots import Tree
from tegula_market.adapters.signing import Key
from tegula_market.messages import Rooted
from tegula_market.model import ETHER, Address, JobId, Order, SignedVoucher, Terms, Voucher, Wei
from tegula_market.vouchers import Domain
from tegula_worker.books import Books
from tegula_worker.claims import Claims
from tegula_worker.config import Config
from tegula_worker.store import Store
from tegula_worker.wallet import Wallet

DOMAIN = Domain(31_337, Address(b"\x05" * 20))
SIGNER, COORDINATOR, PAYOUT = (Key.of_secret(bytes([i]) * 32) for i in (1, 2, 3))
DOLLAR, COLD = Address(b"\x06" * 20), Address(b"\x77" * 20)
DEADLINE, GRACE = 2_000_000_000, 100_000
AMOUNT = 20 * GAS
"""Of a claim whose fee is 5 % of it when gas costs one wei."""
MINE, MOST_BLOCKS = RPCEndpoint("evm_mine"), 30


class Played:
    """A worker's claims of one job that has ended, at a time that the test sets."""

    def __init__(self, folder: Path, escrow: Any, order: Order, payout: Key, config: Config) -> None:
        self.escrow, self.order, self.job = escrow, order, chain.job_id(order.terms)
        self.now = float(order.terms.deadline)
        self.store = Store(folder)
        self.wallet = Wallet(self.store, payout, lambda _: escrow)
        self.books = Books(self.store, lambda: self.now)
        self.claims = Claims(self.wallet, self.books, config, lambda: self.now)
        self.wallet.keep_order(self.job, escrow.domain, order)
        self.books.ask(self.job, order, Wei(1))

    def earn(self, payout: Key, amount: int) -> None:
        voucher = Voucher(self.job, payout.address, Wei(amount))
        payload = vouchers.voucher_payload(self.escrow.domain, voucher)
        both = signing.sign(payload, SIGNER), signing.sign(payload, COORDINATOR)
        assert self.wallet.bank(SignedVoucher(voucher, *both)) == ""
        self.wallet.end(self.job)

    def collected(self) -> int:
        asyncio.run(self.claims.collect())
        return sum(payment.amount for payment in self.escrow.payments(self.job))


def played(folder: Path, token: Address = ETHER, **settings: Any) -> Played:
    terms = Terms(COLD, SIGNER.address, COORDINATOR.address, token, DEADLINE, GRACE, bytes(32))
    order, escrow = an_order(terms=terms), FakeEscrow(DOMAIN)
    escrow.open(terms, Wei(10**12), SIGNER)
    made = Played(folder, escrow, order, PAYOUT, Config(token=token, **settings))
    made.earn(PAYOUT, AMOUNT)
    return made


def test_a_claim_waits_while_the_fee_is_high(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.escrow.price = Wei(2)
    assert it.collected() == 0
    it.escrow.price = Wei(1)
    assert it.collected() == AMOUNT
    tally = it.store.tally(it.job)
    assert tally is not None
    assert tally.fees == GAS


def test_it_does_not_wait_past_the_last_call(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.escrow.price = Wei(19)
    it.now = DEADLINE + GRACE - 6 * 3600 - 1
    assert it.collected() == 0
    it.now += 1
    assert it.collected() == AMOUNT


def test_it_never_claims_for_nothing(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.escrow.price, it.now = Wei(20), DEADLINE + GRACE - 1.0
    assert it.collected() == 0
    assert [record.earned for record in it.wallet.unclaimed()] == [AMOUNT], "by hand it can be had"


@pytest.mark.parametrize(
    ("settings", "claims"),
    [
        ({}, True),  # nobody has said what an ether is worth in dollars
        ({"ether_price": Wei(10**18)}, False),
        ({"ether_price": Wei(10**17)}, True),
        ({"ether_price": Wei(10**18), "claim_fee_share": 0}, True),
        ({"ether_price": Wei(10**18), "claim_fee_share": 50}, True),
    ],
)
def test_fees_are_in_ether_and_claims_in_a_token(
    tmp_path: Path, settings: dict[str, Any], claims: bool
) -> None:
    it = played(tmp_path, DOLLAR, **settings)
    it.escrow.price = Wei(10)
    assert it.collected() == (AMOUNT if claims else 0)


def test_what_was_claimed_is_sent_on(tmp_path: Path) -> None:
    it = played(tmp_path, DOLLAR, receive=COLD)
    it.escrow.give(ETHER, PAYOUT.address, 10**17)
    it.collected()
    assert it.escrow.balance(DOLLAR, COLD) == AMOUNT
    assert it.escrow.balance(ETHER, COLD) == 0, "it is for gas"


def test_of_ether_a_reserve_stays(tmp_path: Path) -> None:
    it = played(tmp_path, receive=COLD, gas_reserve=Wei(AMOUNT - 1000))
    it.collected()
    assert it.escrow.balance(ETHER, COLD) == 1000
    it.earn(PAYOUT, AMOUNT + 10)
    it.escrow.away = True
    it.collected()
    it.escrow.away = False
    it.collected()
    assert it.escrow.balance(ETHER, COLD) == 1010


def test_sending_on_waits_for_a_low_fee_too(tmp_path: Path) -> None:
    it = played(tmp_path, DOLLAR, receive=COLD, ether_price=Wei(10**18))
    it.escrow.price = Wei(1)
    it.escrow.give(DOLLAR, PAYOUT.address, -1)
    assert it.collected() == AMOUNT
    assert it.escrow.balance(DOLLAR, COLD) == 0, "a unit too little for a fee of 5 %"
    it.escrow.give(DOLLAR, PAYOUT.address, 1)
    it.collected()
    assert it.escrow.balance(DOLLAR, COLD) == AMOUNT


def test_without_room_it_claims_and_writes_it_down_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = played(tmp_path)
    disk = FullDisk(tmp_path, monkeypatch)
    assert it.collected() == AMOUNT
    assert [record.claimed for record in it.store.jobs()] == [0]
    disk.full = False
    assert it.collected() == AMOUNT, "the chain has paid it already"
    assert [record.claimed for record in it.store.jobs()] == [AMOUNT]


def test_a_deposit_that_went_back_is_not_tried_for_ever(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.escrow._accounts.clear()  # as a refund leaves it: the contract pays nothing any more
    assert it.collected() == 0
    assert len(it.wallet.unclaimed()) == 1, "before the grace is over it may be another fault"
    it.now = float(DEADLINE + GRACE)
    it.collected()
    assert it.wallet.unclaimed() == []
    tally = it.store.tally(it.job)
    assert tally is not None
    assert (tally.vouchered, tally.claimed, tally.closed) == (AMOUNT, 0, True)


ROOTED, FINAL = 2 * AMOUNT, 3_000_000_000
"""In a time that no clock of a test has reached."""
OTHER = Address(b"\x42" * 20)


def rooted(it: Played, total: int = ROOTED, reserved: int = ROOTED + 5, worker: Key = PAYOUT) -> Rooted:
    """A root with this worker's leaf and another's, on chain, and what the coordinator says of it."""
    totals = {worker.address: Wei(total), OTHER: Wei(5)}
    tree = Tree.of(it.job, totals)
    it.escrow.roots[it.job] = Root(tree.root, Wei(reserved), Wei(0), FINAL)
    return Rooted(it.job, Wei(total), tree.root, tree.proof(worker.address))


def test_a_root_is_claimed_once_it_is_final(tmp_path: Path) -> None:
    it = played(tmp_path)
    assert it.wallet.bank_root(rooted(it)) == ""
    assert it.collected() == 0, "what is reserved for the leaf is not there for the voucher"
    (record,) = it.store.jobs()
    assert (record.earned, record.expiry) == (ROOTED, FINAL + GRACE)
    it.escrow.now = FINAL
    assert it.collected() == ROOTED
    assert it.escrow.roots[it.job].reserved == 5
    assert it.collected() == ROOTED


def test_a_leaf_outlives_a_kill_at_any_moment(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.escrow.away = True
    assert it.wallet.bank_root(rooted(it)) == "", "before the chain could be asked"
    it.collected()
    it.escrow.away = False
    again = Played(tmp_path, it.escrow, it.order, PAYOUT, Config())
    again.collected()
    (record,) = again.store.jobs()
    assert record.standing is not None
    last = Played(tmp_path, it.escrow, it.order, PAYOUT, Config())
    it.escrow.now = FINAL
    assert last.collected() == ROOTED


def test_a_root_s_claim_waits_for_a_low_fee_and_not_past_its_last_call(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.wallet.bank_root(rooted(it))
    it.escrow.price, it.escrow.now = Wei(3), FINAL
    assert it.collected() == 0
    it.now = FINAL + GRACE - 6 * 3600 - 1
    assert it.collected() == 0
    it.now += 1
    assert it.collected() == ROOTED


def test_a_root_that_is_void_leaves_the_voucher(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.wallet.bank_root(rooted(it))
    it.collected()
    del it.escrow.roots[it.job]
    assert it.collected() == AMOUNT
    assert it.store.job(it.job).standing is None  # type: ignore[union-attr]
    rooted(it)  # it was a reorganisation, and the chain has it again
    it.escrow.now = FINAL
    assert it.collected() == ROOTED


def test_a_dispute_moves_the_time(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.wallet.bank_root(rooted(it))
    it.escrow.roots[it.job] = replace(it.escrow.roots[it.job], stake=Wei(1), final_at=FINAL + 9)
    it.escrow.now = FINAL
    assert it.collected() == 0
    it.escrow.now = FINAL + 9
    assert it.collected() == ROOTED


def test_a_root_is_worth_what_the_chain_says(tmp_path: Path) -> None:
    it = played(tmp_path)
    said = rooted(it, reserved=ROOTED - 1)
    assert it.wallet.bank_root(said) == ""
    (record,) = it.wallet.rooted()
    assert it.wallet.look(record) == f"it reserves {ROOTED - 1}, which is 1 too little"
    assert it.store.job(it.job).earned == AMOUNT  # type: ignore[union-attr]
    it.escrow.roots[it.job] = Root(bytes(32), Wei(10**9), Wei(0), FINAL)
    assert it.wallet.look(record) == "the chain has no such root"


def test_what_proves_nothing_is_not_kept(tmp_path: Path) -> None:
    it = played(tmp_path)
    said = rooted(it)
    assert "not of this worker's total" in it.wallet.bank_root(replace(said, cumulative=Wei(ROOTED + 1)))
    assert "never asked" in it.wallet.bank_root(_of_another_job())
    it.wallet.bank_root(said)
    it.collected()
    assert "another root stands" in it.wallet.bank_root(rooted(it, ROOTED + 1))
    assert it.wallet.bank_root(said) == "", "it is told with each HELLO"


def _of_another_job() -> Rooted:
    job = JobId(bytes(32))
    tree = Tree.of(job, {PAYOUT.address: Wei(1)})
    return Rooted(job, Wei(1), tree.root, ())


def test_a_root_with_less_than_a_voucher_is_not_claimed_by(tmp_path: Path) -> None:
    it = played(tmp_path)
    it.wallet.bank_root(rooted(it, AMOUNT - 1))
    assert it.collected() == AMOUNT


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["anvil", "eth-tester"])
def test_on_a_real_chain(tmp_path: Path, engine: str) -> None:
    """The base fee falls by an eighth with each empty block, and then the claim is made."""
    with running(engine) as local:
        _play_on(local, tmp_path)


def _play_on(local: DevChain, folder: Path) -> None:
    requester, payout = local.key(1), local.key(2)
    web3, escrow = evm.connect(local.rpc), Escrow.connect(local.rpc, local.escrow)
    now = web3.eth.get_block("latest")["timestamp"]
    parties = requester.address, SIGNER.address, COORDINATOR.address, ETHER
    terms = Terms(*parties, now + 86_400, 86_400, bytes(32))
    escrow.open(terms, Wei(10**18), requester)
    it = Played(folder, escrow, an_order(terms=terms), payout, Config(claim_fee_share=5))
    it.now = float(now)
    it.earn(payout, 1)
    (record,) = it.wallet.unclaimed()
    dear = it.wallet.fee(record)
    amount = dear * 3 // 4 * 20  # for a fee a quarter lower
    it.earn(payout, amount)
    before = escrow.balance(ETHER, payout.address)
    assert it.collected() == 0
    assert escrow.balance(ETHER, payout.address) == before, "no fee was spent"
    (record,) = it.wallet.unclaimed()
    for _ in range(MOST_BLOCKS):
        if it.wallet.fee(record) <= dear * 3 // 4:
            break
        assert "error" not in web3.provider.make_request(MINE, [])
    assert it.collected() == amount
    fee = before + amount - escrow.balance(ETHER, payout.address)
    assert 0 < fee <= dear * 3 // 4
    tally = it.store.tally(it.job)
    assert tally is not None
    assert tally.fees == fee
