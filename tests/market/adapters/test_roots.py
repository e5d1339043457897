"""Trees of workers' totals, by themselves and against the escrow on a local chain."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.exceptions import ContractLogicError

from escrow_scene import Scene
from orders import escrow_terms
from tegula_market import vouchers
from tegula_market.adapters import chain, contract, devchain, evm, light, roots, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.roots import Tree
from tegula_market.codec import MAX_WEI
from tegula_market.model import ETHER, NOBODY, Address, InvalidValue, JobId, Terms, Voucher, Wei
from tegula_market.vouchers import Domain

JOB = JobId(b"\x09" * 32)
WINDOW = 600
jobs = st.binary(min_size=32, max_size=32).map(JobId)
addresses = st.binary(min_size=20, max_size=20).map(Address)
amounts = st.integers(0, MAX_WEI).map(Wei)
earnings = st.dictionaries(addresses, amounts, min_size=1, max_size=40)


@given(earnings)
@settings(max_examples=40, deadline=None)
def test_every_worker_has_a_proof_of_its_own_total_and_of_no_other(totals: dict[Address, Wei]) -> None:
    tree = Tree.of(JOB, totals)
    for worker, total in totals.items():
        proof = tree.proof(worker)
        assert roots.proves(tree.root, roots.leaf(JOB, worker, total), proof)
        other = Wei(total - 1 if total else 1)
        assert not roots.proves(tree.root, roots.leaf(JOB, worker, other), proof)
        assert not roots.proves(tree.root, roots.leaf(JobId(bytes(32)), worker, total), proof)
    assert len(tree.proof(next(iter(totals)))) <= (len(totals) - 1).bit_length()


@given(earnings, st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_totals_come_changes_nothing(totals: dict[Address, Wei], rng: Any) -> None:
    shuffled = list(totals.items())
    rng.shuffle(shuffled)
    assert Tree.of(JOB, dict(shuffled)) == Tree.of(JOB, totals)


def test_a_tree_wants_workers_and_amounts() -> None:
    worker = Address(b"\x01" * 20)
    with pytest.raises(InvalidValue, match="at least one worker"):
        Tree.of(JOB, {})
    for wrong in (-1, MAX_WEI + 1):
        with pytest.raises(InvalidValue, match="no worker's total"):
            Tree.of(JOB, {worker: Wei(wrong)})
    with pytest.raises(InvalidValue, match="says nothing about"):
        Tree.of(JOB, {worker: Wei(1)}).proof(Address(b"\x02" * 20))
    assert Tree.of(JOB, {worker: Wei(1)}).proof(worker) == ()


def test_a_root_reserves_what_its_leaves_can_still_take() -> None:
    ann, bob, cyd = (Address(bytes([n]) * 20) for n in (1, 2, 3))
    totals = {ann: Wei(10), bob: Wei(5), cyd: Wei(7)}
    assert roots.reserve(totals, {ann: Wei(4), bob: Wei(6)}) == 6 + 0 + 7


@dataclass(frozen=True)
class Local(Scene):
    """The escrow as its ABI has it, and accounts that the chain signs for."""

    contract: Any
    accounts: list[str]

    @property
    def coordinator(self) -> str:
        return self.accounts[1]

    def terms(self) -> Terms:
        now = self.web3.eth.get_block("latest")["timestamp"]
        parties = _bytes(self.accounts[0]), Address(b"\x02" * 20), _bytes(self.coordinator)
        times = now + 100_000, 4 * WINDOW
        arbiter = Address(b"\x0a" * 20)
        return Terms(*parties, ETHER, *times, secrets.token_bytes(32), WINDOW, arbiter)

    def send(self, act: Any, sender: str, value: int = 0) -> None:
        """Once it is mined: a node answers before, and what is asked then may be of the block before it."""
        sent = act.transact({"from": sender, "value": value})
        assert self.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """On the faster engine that is here: what is shown is of the contract, not of the chain."""
    with devchain.devchain() as running:
        web3 = evm.connect(running.rpc)
        escrow = Escrow.connect(running.rpc, running.escrow)
        asked = web3.eth.contract(
            Web3.to_checksum_address(running.escrow), abi=evm.artifact("TileEscrow")["abi"]
        )
        accounts = list(web3.eth.accounts)
        yield Local(running, escrow, ETHER, running.key(0), running.key(2), asked, accounts)


@pytest.mark.slow
@given(terms=escrow_terms(), job=jobs, worker=addresses, amount=amounts, time=st.integers(0, 2**40 - 1))
@settings(max_examples=200, deadline=None, phases=[Phase.generate])
def test_ids_and_digests_are_the_escrows(
    local: Local, terms: Terms, job: JobId, worker: Address, amount: Wei, time: int
) -> None:
    asked, domain = local.contract.functions, Domain(local.local.chain_id, local.local.escrow)
    assert asked.jobId(contract.as_tuple(terms)).call() == chain.job_id(terms) == light.job_id(terms)
    voucher = vouchers.voucher_payload(domain, Voucher(job, worker, amount))
    for payload, digest in (
        (voucher, asked.voucherDigest(job, Web3.to_checksum_address(worker), amount)),
        (vouchers.close_payload(domain, job, amount), asked.closeDigest(job, amount)),
        (vouchers.extend_payload(domain, job, time), asked.extendDigest(job, time)),
    ):
        assert digest.call() == signing.hash_of(payload) == light.hash_of(payload)


@pytest.mark.slow
@given(
    totals=st.dictionaries(
        addresses.filter(lambda a: a > bytes(19) + b"\xff"), st.integers(1, 2**40), min_size=1, max_size=33
    ),
    data=st.data(),
)
@settings(max_examples=20, deadline=None, phases=[Phase.generate])  # a chain is too slow to shrink on
def test_the_escrow_pays_every_leaf_of_such_a_tree(
    local: Local, totals: dict[Address, Wei], data: st.DataObject
) -> None:
    terms = local.terms()
    job, acts = chain.job_id(terms), local.contract.functions
    tree, reserve = Tree.of(job, totals), roots.reserve(totals, {})
    deal = contract.as_tuple(terms)
    local.send(acts.open(deal, reserve), local.accounts[0], reserve)
    local.send(acts.postRoot(deal, tree.root, reserve), local.coordinator)
    local.travel(local.escrow.time() + WINDOW + 1)  # eth-tester's newest block is one second back
    for worker, total in totals.items():
        to = Web3.to_checksum_address(worker)
        assert acts.claimRoot(deal, to, total, tree.proof(worker)).call() == total
    worker = data.draw(st.sampled_from(sorted(totals)))
    to = Web3.to_checksum_address(worker)
    wrong = acts.claimRoot(deal, to, totals[worker] + 1, tree.proof(worker))
    with pytest.raises(ContractLogicError):
        wrong.call()
    local.send(acts.claimRoot(deal, to, totals[worker], tree.proof(worker)), local.accounts[2])
    assert acts.claimed(job, to).call() == totals[worker]


def test_terms_of_a_tree_want_an_arbiter() -> None:
    """Without one the escrow takes no roots; terms say so by naming nobody."""
    parties = (Address(bytes([n]) * 20) for n in (1, 2, 3, 4))
    plain = Terms(*parties, 1000, 2400, bytes(32))
    assert plain.arbiter == NOBODY
    with pytest.raises(InvalidValue, match="4 windows"):
        replace(plain, window=601)
    with pytest.raises(InvalidValue, match="a tenth, or neither"):
        replace(plain, author=Address(b"\x05" * 20))
    with pytest.raises(InvalidValue, match="a tenth, or neither"):
        replace(plain, author=Address(b"\x05" * 20), author_bps=1001)


def _bytes(address: str) -> Address:
    return Address(bytes.fromhex(address.removeprefix("0x")))
