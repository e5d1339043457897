"""Claims that wait for a low fee, and what was claimed on its way to another address."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from chains import running
from fakes import GAS, FakeEscrow, FullDisk
from orders import an_order
from tegula_market import vouchers
from tegula_market.adapters import chain, evm, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, Order, SignedVoucher, Terms, Voucher, Wei
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
