"""What the worker is promised and what it collects: deposits, vouchers, roots, claims. Calls block."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tegula_market import vouchers
from tegula_market.adapters import chain, devkeys, roots, signing
from tegula_market.adapters.chain import ChainError, Escrow, Refused, Root
from tegula_market.adapters.signing import Key
from tegula_market.messages import Rooted
from tegula_market.model import ETHER, Address, JobId, Order, SignedVoucher, Wei
from tegula_market.vouchers import Domain
from tegula_worker import claiming
from tegula_worker.policy import Deposit
from tegula_worker.store import JobRecord, Leaf, Store


@dataclass(frozen=True, slots=True)
class Sending:
    """What is in the payout key's account and could be sent on."""

    amount: Wei
    fee: Wei
    """In wei."""


class Wallet:
    """
    Args:
        connect: the escrow contract at an address, on the chain that the worker knows.
    """

    def __init__(self, store: Store, payout: Key, connect: Callable[[Address], Escrow]) -> None:
        self._store = store
        self._payout = payout
        self._connect = connect
        self._escrows: dict[Address, Escrow] = {}
        self._gas: dict[tuple[JobId, Wei], int] = {}
        """Of claims, asked for once: a claim may wait for weeks until it is cheap."""
        self._turn = threading.Lock()
        """Held from reading a record to writing it: a voucher must not get lost behind a claim."""

    def check(self, domain: Domain, *, believed: bool) -> None:
        """
        Args:
            believed: the provider has named this escrow; else only one that has our code is.
        Raises:
            ChainError: no such escrow where the worker looks.
            NotLocal: the payout key is a development key, and the chain is not a test chain.
        """
        if not believed and not self._escrow(domain).genuine():
            raise Refused(
                f"the contract at 0x{domain.escrow.hex()}, from which the coordinator pays, is not TileEscrow"
                " as this version has it; if you know better, name it in the configuration: escrow = ADDRESS"
            )
        self._escrow(domain)

    def deposit(self, domain: Domain, order: Order) -> Deposit:
        """Raises: ChainError: the chain is away."""
        job = chain.job_id(order.terms)
        account = self._escrow(domain).account(job)
        return Deposit(job, account.open, account.funded, account.paid, account.rooted)

    def keep_order(self, job: JobId, domain: Domain, order: Order) -> None:
        with self._turn:
            if self._store.job(job) is None:
                self._store.keep_job(JobRecord(job, domain, order))

    def bank(self, signed: SignedVoucher) -> str:
        """Keeps a voucher if it is good and the highest; the reason if it is not good."""
        with self._turn:
            record = self._store.job(signed.voucher.job)
            if record is None:
                return "this worker never asked for that job"
            reason = self._fault(signed, record)
            if not reason and signed.voucher.cumulative > record.earned:
                self._store.keep_job(replace(record, voucher=signed))
        return reason

    def bank_root(self, said: Rooted) -> str:
        """Keeps a root's leaf if the proof is right; the reason if not. `look` tells what it is worth."""
        leaf = roots.leaf(said.job, self._payout.address, said.cumulative)
        if not roots.proves(said.root, leaf, said.proof):
            return "its proof is not of this worker's total"
        with self._turn:
            record = self._store.job(said.job)
            if record is None:
                return "this worker never asked for that job"
            known = record.leaf
            if known is not None and known.root == said.root:
                return ""
            if known is not None and known.stands:
                return "another root stands on chain, or did a moment ago"
            kept = Leaf(said.cumulative, said.root, said.proof)
            self._store.keep_job(replace(record, leaf=kept))
        return ""

    def rooted(self) -> list[JobRecord]:
        """Whose root is to be looked at again."""
        return [r for r in self._store.jobs() if r.leaf and r.leaf.cumulative > r.claimed]

    def look(self, record: JobRecord) -> str:
        """Asks the chain for the record's root and keeps what it says; why the root is worth nothing, if so.

        Raises:
            ChainError: the chain cannot be asked now.
        """
        escrow = self._escrow(record.domain)
        root, claimed = escrow.root(record.job), escrow.claimed(record.job, self._payout.address)
        with self._turn:
            known = self._store.job(record.job)
            if known is None or known.leaf is None:
                return ""
            reason = _worthless(known.leaf, root, claimed)
            leaf = replace(known.leaf, stands=not reason, final_at=root.final_at if root else 0)
            if leaf != known.leaf:
                self._store.keep_job(replace(known, leaf=leaf))
        return reason

    def early(self, record: JobRecord) -> str:
        """Why a claim by a root has to wait; empty if it has not, or is one by a voucher.

        Raises:
            ChainError: the chain cannot be asked now.
        """
        if record.standing is None:
            return ""
        left = record.standing.final_at - max(self._escrow(record.domain).time(), int(time.time()))
        return f"the root can be disputed for another {left} seconds" if left > 0 else ""

    def end(self, job: JobId) -> None:
        with self._turn:
            record = self._store.job(job)
            if record is not None and not record.ended:
                self._store.keep_job(replace(record, ended=True))

    def due(self) -> list[JobRecord]:
        """What it is time to claim, fees aside."""
        return [record for record in self._store.jobs() if _due(record)]

    def unclaimed(self) -> list[JobRecord]:
        return [record for record in self._store.jobs() if record.earned > record.claimed]

    def fee(self, record: JobRecord) -> Wei:
        """What it would cost to claim now, in wei.

        Raises:
            ChainError: the chain is away, or the contract would not pay.
        """
        escrow, key = self._escrow(record.domain), (record.job, record.earned)
        if key not in self._gas:
            self._gas[key] = self._gas_of_claim(escrow, record)
        return Wei(self._gas[key] * escrow.gas_price())

    def _gas_of_claim(self, escrow: Escrow, record: JobRecord) -> int:
        terms, leaf, me = record.order.terms, record.standing, self._payout.address
        if leaf is not None:
            return escrow.claim_root_gas(terms, me, leaf.cumulative, leaf.proof, me)
        assert record.voucher is not None
        return escrow.claim_gas(terms, record.voucher, me)

    def claim(self, record: JobRecord) -> bytes | None:
        """The transaction's hash; None if the chain has paid this already.

        Raises:
            ChainError: not paid; nothing is lost by trying again.
        """
        escrow, terms, leaf = self._escrow(record.domain), record.order.terms, record.standing
        if leaf is not None:
            tx = escrow.claim_root(terms, self._payout.address, leaf.cumulative, leaf.proof, self._payout)
        else:
            assert record.voucher is not None
            tx = escrow.claim(terms, record.voucher, self._payout)
        with self._turn:
            known = self._store.job(record.job) or record  # a voucher may have come in the meantime
            self._store.keep_job(replace(known, claimed=Wei(max(known.claimed, record.earned))))
        self._gas.pop((record.job, record.earned), None)
        return tx

    def settle(self) -> None:
        """Sees to claims that were sent before a kill, or that a reorganisation of the chain has undone.

        Raises:
            ChainError: not now; they are kept.
        """
        for escrow in list(self._escrows.values()):
            escrow.settle(self._payout)

    def spent(self, record: JobRecord, tx: bytes) -> Wei:
        """What a claim has cost, in wei."""
        return self._escrow(record.domain).spent(tx)

    def purses(self) -> set[tuple[Domain, Address]]:
        """Where money of this worker may lie: escrows with their chain, and tokens."""
        return {(record.domain, record.order.terms.token) for record in self._store.jobs()}

    def sending(self, domain: Domain, token: Address, to: Address, reserve: Wei) -> Sending | None:
        """What can be sent on now; None if that is nothing.

        Args:
            reserve: ether that stays for fees.
        """
        escrow = self._escrow(domain)
        held = escrow.balance(token, self._payout.address)
        spare = held - reserve if token == ETHER else held
        if spare <= 0:
            return None
        gas = escrow.transfer_gas(token, to, Wei(spare), self._payout.address)
        fee = Wei(gas * escrow.gas_price())
        # The transfer sets twice the fee aside, for a base fee that rises until it is mined.
        amount = spare - 2 * fee if token == ETHER else spare
        return Sending(Wei(amount), fee) if amount > 0 else None

    def send(self, domain: Domain, token: Address, to: Address, amount: Wei) -> bytes:
        return self._escrow(domain).transfer(token, to, amount, self._payout)

    def _fault(self, signed: SignedVoucher, record: JobRecord) -> str:
        if signed.voucher.worker != self._payout.address:
            return "it pays somebody else"
        payload = vouchers.voucher_payload(record.domain, signed.voucher)
        if signing.recover(payload, signed.signer_signature) != record.order.terms.signer:
            return "the session key has not signed it"
        if signing.recover(payload, signed.coordinator_signature) != record.order.terms.coordinator:
            return "the coordinator has not signed it"
        return ""

    def _escrow(self, domain: Domain) -> Escrow:
        devkeys.refuse_elsewhere(self._payout.address, domain.chain_id)
        if domain.escrow not in self._escrows:
            self._escrows[domain.escrow] = self._connect(domain.escrow)
        escrow = self._escrows[domain.escrow]
        if escrow.domain != domain:
            raise ChainError(f"want chain {domain.chain_id}, but --rpc leads to {escrow.domain.chain_id}")
        return escrow


def _worthless(leaf: Leaf, root: Root | None, claimed: Wei) -> str:
    if root is None or root.hash != leaf.root:
        return "the chain has no such root"
    lacks = leaf.cumulative - claimed - root.reserved
    return f"it reserves {root.reserved}, which is {lacks} too little" if lacks > 0 else ""


def _due(record: JobRecord) -> bool:
    return claiming.ripe(
        record.order.terms,
        earned=record.earned,
        claimed=record.claimed,
        ended=record.ended or record.standing is not None,
        now=int(time.time()),
    )
