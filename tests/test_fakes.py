"""One contract for the fakes and for what they stand in for."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes import FakeEscrow
from tegula_market import vouchers
from tegula_market.adapters import chain, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import dev_key, devchain
from tegula_market.model import ETHER, Address, SignedVoucher, Terms, Voucher, Wei
from tegula_market.vouchers import Domain

REQUESTER, SIGNER, COORDINATOR, PAYEE = (dev_key(i, 31_337) for i in (1, 2, 3, 4))


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.slow)])
def escrow(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeEscrow(Domain(31_337, Address(b"\x05" * 20)))
        return
    with devchain() as local:
        yield Escrow.connect(local.rpc, local.escrow)


def _voucher(escrow: Any, terms: Terms, cumulative: int) -> SignedVoucher:
    voucher = Voucher(chain.job_id(terms), PAYEE.address, Wei(cumulative))
    payload = vouchers.voucher_payload(escrow.domain, voucher)
    return SignedVoucher(voucher, signing.sign(payload, SIGNER), signing.sign(payload, COORDINATOR))


def test_an_escrow_pays_vouchers_once(escrow: Any) -> None:
    parties = (REQUESTER.address, SIGNER.address, COORDINATOR.address)
    terms = Terms(*parties, ETHER, int(time.time()) + 86_400, 3600, bytes(32))
    job = chain.job_id(terms)
    assert escrow.genuine()
    assert not escrow.account(job).open
    assert escrow.open(terms, Wei(100), REQUESTER)
    assert escrow.open(terms, Wei(100), REQUESTER) is None
    assert escrow.account(job).open
    assert (escrow.account(job).funded, escrow.account(job).paid) == (100, 0)
    assert len(escrow.claim(terms, _voucher(escrow, terms, 30), PAYEE)) == 32
    assert escrow.claim(terms, _voucher(escrow, terms, 30), PAYEE) is None
    assert escrow.claim(terms, _voucher(escrow, terms, 70), PAYEE)
    assert (escrow.account(job).paid, escrow.claimed(job, PAYEE.address)) == (70, 70)
    assert 50_000 < escrow.claim_gas(terms, _voucher(escrow, terms, 80), PAYEE.address) < 150_000
    assert escrow.gas_price() >= 0
    assert [(p.worker, p.amount) for p in escrow.payments(job)] == [(PAYEE.address, 30), (PAYEE.address, 40)]
    with pytest.raises(chain.Refused, match="does not cover"):
        escrow.claim(terms, _voucher(escrow, terms, 101), PAYEE)
    forged = _voucher(escrow, terms, 80)
    for signer, coordinator, sentence in (
        (forged.coordinator_signature, forged.coordinator_signature, "session key has not signed"),
        (forged.signer_signature, forged.signer_signature, "coordinator has not signed"),
    ):
        with pytest.raises(chain.Refused, match=sentence):
            escrow.claim(terms, SignedVoucher(forged.voucher, signer, coordinator), PAYEE)


def test_a_payee_sends_on_what_it_was_paid(escrow: Any) -> None:
    parties = (REQUESTER.address, SIGNER.address, COORDINATOR.address)
    terms = Terms(*parties, ETHER, int(time.time()) + 86_400, 3600, bytes(32))
    cold = Address(b"\x77" * 20)
    escrow.open(terms, Wei(100), REQUESTER)
    before = escrow.balance(ETHER, PAYEE.address)
    claim = escrow.claim(terms, _voucher(escrow, terms, 30), PAYEE)
    assert escrow.balance(ETHER, PAYEE.address) == before + 30 - escrow.spent(claim)
    assert escrow.transfer_gas(ETHER, cold, Wei(20), PAYEE.address) >= 21_000
    assert len(escrow.transfer(ETHER, cold, Wei(20), PAYEE)) == 32
    assert escrow.balance(ETHER, cold) == 20
    with pytest.raises(chain.ChainError):
        escrow.transfer(ETHER, cold, Wei(10**30), PAYEE)
