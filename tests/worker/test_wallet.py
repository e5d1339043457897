"""Which vouchers are kept, and what is collected."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FakeEscrow
from orders import an_order
from tegula_market import vouchers
from tegula_market.adapters import chain, devchain, devkeys, signing
from tegula_market.adapters.chain import ChainError
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, JobId, Order, SignedVoucher, Terms, Voucher, Wei
from tegula_market.vouchers import Domain
from tegula_worker.policy import Deposit
from tegula_worker.store import Store
from tegula_worker.wallet import Wallet

DOMAIN = Domain(31_337, Address(b"\x05" * 20))
SIGNER, COORDINATOR, PAYOUT = (Key.of_secret(bytes([i]) * 32) for i in (1, 2, 3))
PARTIES = (Address(b"\x01" * 20), SIGNER.address, COORDINATOR.address)
ORDER: Order = an_order(terms=Terms(*PARTIES, ETHER, 2_000_000_000, 3600, bytes(32)))
JOB: JobId = chain.job_id(ORDER.terms)


@pytest.fixture
def escrow() -> FakeEscrow:
    made = FakeEscrow(DOMAIN)
    made.open(ORDER.terms, Wei(100), SIGNER)
    return made


@pytest.fixture
def wallet(escrow: FakeEscrow, tmp_path: Path) -> Wallet:
    made = Wallet(Store(tmp_path), PAYOUT, lambda _: escrow)
    made.keep_order(JOB, DOMAIN, ORDER)
    return made


def _voucher(
    cumulative: int, job: JobId = JOB, worker: Address = PAYOUT.address, domain: Domain = DOMAIN
) -> SignedVoucher:
    voucher = Voucher(job, worker, Wei(cumulative))
    payload = vouchers.voucher_payload(domain, voucher)
    return SignedVoucher(voucher, signing.sign(payload, SIGNER), signing.sign(payload, COORDINATOR))


def test_the_highest_voucher_is_kept(wallet: Wallet) -> None:
    for cumulative in (5, 9, 7):
        assert wallet.bank(_voucher(cumulative)) == ""
    (record,) = wallet.unclaimed()
    assert record.earned == 9


GOOD = _voucher(5)


@pytest.mark.parametrize(
    ("signed", "reason"),
    [
        (_voucher(5, job=JobId(bytes(32))), "never asked"),
        (_voucher(5, worker=SIGNER.address), "somebody else"),
        (replace(GOOD, signer_signature=GOOD.coordinator_signature), "session key"),
        (replace(GOOD, coordinator_signature=GOOD.signer_signature), "coordinator"),
        (replace(GOOD, voucher=replace(GOOD.voucher, cumulative=Wei(6))), "session key"),
        (_voucher(5, domain=replace(DOMAIN, chain_id=1)), "session key"),
        (_voucher(5, domain=replace(DOMAIN, escrow=Address(bytes(20)))), "session key"),
    ],
)
def test_a_voucher_that_would_not_pay_is_not_kept(wallet: Wallet, signed: SignedVoucher, reason: str) -> None:
    assert reason in wallet.bank(signed)
    assert not wallet.unclaimed()


def test_a_claim_is_made_once_and_goes_on_from_there(wallet: Wallet, escrow: FakeEscrow) -> None:
    wallet.bank(_voucher(5))
    assert not wallet.due()
    wallet.end(JOB)
    (record,) = wallet.due()
    assert wallet.claim(record)
    assert not wallet.due()
    assert wallet.claim(record) is None
    wallet.bank(_voucher(8))
    (record,) = wallet.due()
    wallet.claim(record)
    assert [p.amount for p in escrow.payments(JOB)] == [5, 3]


def test_a_claim_that_was_cut_off_after_the_payment(
    wallet: Wallet, escrow: FakeEscrow, tmp_path: Path
) -> None:
    """The chain has paid, the record does not say so: the next claim finds out and sends nothing."""
    wallet.bank(_voucher(5))
    escrow.claim(ORDER.terms, _voucher(5), PAYOUT)
    (record,) = wallet.unclaimed()
    assert wallet.claim(record) is None
    assert not Wallet(Store(tmp_path), PAYOUT, lambda _: escrow).unclaimed()
    assert len(escrow.payments(JOB)) == 1


def test_a_voucher_that_comes_during_a_claim_is_not_lost(wallet: Wallet) -> None:
    wallet.bank(_voucher(5))
    (before,) = wallet.unclaimed()
    wallet.bank(_voucher(8))
    wallet.claim(before)
    (record,) = wallet.unclaimed()
    assert (record.earned, record.claimed) == (8, 5)


def test_it_looks_at_the_deposit_of_the_terms(wallet: Wallet) -> None:
    assert wallet.deposit(DOMAIN, ORDER) == Deposit(JOB, True, Wei(100), Wei(0))
    other = replace(ORDER, terms=replace(ORDER.terms, salt=b"\x01" * 32))
    assert not wallet.deposit(DOMAIN, other).open


def test_another_chain_than_promised(wallet: Wallet) -> None:
    with pytest.raises(ChainError, match="want chain 1, but --rpc leads to 31337"):
        wallet.check(replace(DOMAIN, chain_id=1), believed=True)


def test_a_development_key_earns_on_test_chains_only(tmp_path: Path) -> None:
    rich = FakeEscrow(replace(DOMAIN, chain_id=1))
    for key, fine in ((PAYOUT, True), (devchain.dev_key(5, DOMAIN.chain_id), False)):
        wallet = Wallet(Store(tmp_path), key, lambda _: rich)
        with nullcontext() if fine else pytest.raises(devkeys.NotLocal, match="refused on chain 1"):
            wallet.check(rich.domain, believed=True)
    poor = Wallet(Store(tmp_path), devchain.dev_key(5, DOMAIN.chain_id), lambda _: FakeEscrow(DOMAIN))
    poor.check(DOMAIN, believed=False)


def test_a_contract_that_is_not_ours_is_believed_only_if_it_was_named(
    wallet: Wallet, escrow: FakeEscrow
) -> None:
    escrow.authentic = False
    wallet.check(DOMAIN, believed=True)
    with pytest.raises(ChainError, match="is not TileEscrow as this version has it"):
        wallet.check(DOMAIN, believed=False)
