"""What happens at the escrow while a requester is away: roots, disputes about them, bonds.

Every act looks first, and does nothing where it is done already: after a kill it is simply called again.
"""

from collections.abc import Sequence
from typing import Any

from web3 import Web3

from tegula_market.adapters import purse
from tegula_market.adapters.contract import Contract, as_tuple, job_id
from tegula_market.adapters.evm import Refused, translated
from tegula_market.adapters.records import Root
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, JobId, SignedVoucher, Terms, Wei

STAKE_PARTS = 10
"""A dispute stakes so small a part of the reserve, and a unit."""


class Rooted(Contract):
    def root(self, job: JobId) -> Root | None:
        """None if nothing was posted, or what was is void."""
        if not self.account(job).rooted:
            return None
        with translated():
            found, reserved, stake, final_at = self._contract.functions.roots(job).call()
        return Root(bytes(found), Wei(reserved), Wei(stake), final_at)

    def post_root(self, terms: Terms, root: bytes, reserve: Wei, key: Key) -> bytes | None:
        """The coordinator's last word; None if this root stands there already.

        Raises:
            ChainError: another root is there, the deposit does not hold the reserve, the refund has begun.
        """
        if self._stands(terms, root):
            return None
        try:
            return self._send(self._contract.functions.postRoot(as_tuple(terms), root, reserve), key)
        except Refused:
            # What was sent before a kill can have had another reserve, and has been mined just now.
            if self._stands(terms, root):
                return None
            raise

    def claim_root(
        self, terms: Terms, worker: Address, cumulative: Wei, proof: Sequence[bytes], key: Key
    ) -> bytes | None:
        """As `Escrow.claim`, by a leaf of the job's root once that is final."""
        if self.claimed(job_id(terms), worker) >= cumulative:
            return None
        return self._send(self._leaf(terms, worker, cumulative, proof), key)

    def claim_root_gas(
        self, terms: Terms, worker: Address, cumulative: Wei, proof: Sequence[bytes], sender: Address
    ) -> int:
        """Units of gas that `claim_root` takes now."""
        return purse.gas_of(self._leaf(terms, worker, cumulative, proof), sender)

    def dispute(self, terms: Terms, key: Key) -> bytes | None:
        """Has the arbiter decide, for a stake of the requester's; None if it is asked already.

        Raises:
            ChainError: there is no root, its window has passed, the wallet does not hold the stake.
        """
        root = self.root(job_id(terms))
        if root is not None and root.disputed:
            return None
        stake = Wei(root.reserved // STAKE_PARTS + 1 if root else 1)
        return self._bring(self._contract.functions.dispute(as_tuple(terms)), terms.token, stake, key)

    def rule(self, terms: Terms, key: Key, *, stands: bool) -> bytes | None:
        """The arbiter's decision; None if there is nothing to decide any more."""
        if not self._disputed(terms):
            return None
        return self._send(self._contract.functions.rule(as_tuple(terms), stands), key)

    def lapse(self, terms: Terms, key: Key) -> bytes | None:
        """Brings back the stake of a dispute that the arbiter let pass; None if it is back."""
        if not self._disputed(terms):
            return None
        return self._send(self._contract.functions.lapse(as_tuple(terms)), key)

    def bonded(self, job: JobId) -> Wei:
        """What the coordinator stakes for its word in this job."""
        with translated():
            return Wei(self._contract.functions.bonds(job).call())

    def bond(self, terms: Terms, amount: Wei, key: Key) -> bytes | None:
        """Raises the bond to the amount; None if it is as high."""
        lacks = Wei(amount - self.bonded(job_id(terms)))
        if lacks <= 0:
            return None
        return self._bring(self._contract.functions.bond(as_tuple(terms), lacks), terms.token, lacks, key)

    def unbond(self, terms: Terms, key: Key) -> bytes | None:
        """Returns the bond once nobody can be slashed any more; None if it is back."""
        if not self.bonded(job_id(terms)):
            return None
        return self._send(self._contract.functions.unbond(as_tuple(terms)), key)

    def accuse(self, terms: Terms, signed: SignedVoucher, key: Key) -> bytes | None:
        """Says that the final root has less than this voucher; None if that is said, or it is paid."""
        voucher = signed.voucher
        said = max(self._accusation(voucher.job, voucher.worker), self.claimed(voucher.job, voucher.worker))
        if said >= voucher.cumulative:
            return None
        act = self._contract.functions.accuse(
            as_tuple(terms),
            Web3.to_checksum_address(voucher.worker),
            voucher.cumulative,
            signed.coordinator_signature,
        )
        return self._send(act, key)

    def slash(self, terms: Terms, worker: Address, key: Key) -> bytes | None:
        """Pays from the bond what an accusation that was not answered says; None if there is none."""
        job = job_id(terms)
        if self._accusation(job, worker) <= self.claimed(job, worker):
            return None
        return self._send(
            self._contract.functions.slash(as_tuple(terms), Web3.to_checksum_address(worker)), key
        )

    def _stands(self, terms: Terms, root: bytes) -> bool:
        found = self.root(job_id(terms))
        return found is not None and found.hash == root

    def _disputed(self, terms: Terms) -> bool:
        root = self.root(job_id(terms))
        return root is not None and root.disputed

    def _accusation(self, job: JobId, worker: Address) -> Wei:
        with translated():
            cumulative, _ = self._contract.functions.accusations(job, Web3.to_checksum_address(worker)).call()
        return Wei(cumulative)

    def _leaf(self, terms: Terms, worker: Address, cumulative: Wei, proof: Sequence[bytes]) -> Any:
        to = Web3.to_checksum_address(worker)
        return self._contract.functions.claimRoot(as_tuple(terms), to, cumulative, list(proof))
