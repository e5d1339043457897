"""A local chain with an escrow, and who has to do with it."""

import random
from dataclasses import dataclass
from typing import Any, cast

from web3 import Web3

from tegula_market import vouchers
from tegula_market.adapters import chain, evm, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, Signature, SignedVoucher, Terms, Voucher, Wei
from tegula_market.vouchers import Payload

DEPOSIT = Wei(1_000_000)
SIGNER, COORDINATOR = Key.generate(), Key.generate()
DAY = 86_400


@dataclass(frozen=True)
class Scene:
    """A local chain, its escrow, and the money of the job."""

    local: DevChain
    escrow: Escrow
    token: Address
    requester: Key
    relay: Key
    """Pays for the gas of claims, so that balances of workers are what they were paid."""

    @property
    def web3(self) -> Web3:
        return evm.connect(self.local.rpc)

    def terms(self) -> Terms:
        now = self.web3.eth.get_block("latest")["timestamp"]
        parties = self.requester.address, SIGNER.address, COORDINATOR.address, self.token
        return Terms(*parties, now + DAY, 3600, random.randbytes(32))

    def opened(self) -> Terms:
        terms = self.terms()
        assert self.escrow.open(terms, DEPOSIT, self.requester)
        return terms

    def balance(self, owner: Address) -> int:
        return self.escrow.balance(self.token, owner)

    def claim(self, signed: SignedVoucher, terms: Terms) -> bytes | None:
        return self.escrow.claim(terms, signed, self.relay)

    def close(self, terms: Terms, owed: int) -> bytes | None:
        payload = vouchers.close_payload(self.escrow.domain, chain.job_id(terms), Wei(owed))
        return self.escrow.close(terms, Wei(owed), *both(payload), self.relay)

    def travel(self, to: int) -> None:
        """Sets the time of the next block and mines it."""
        if self.local.engine == "anvil":
            self._ask("evm_setNextBlockTimestamp", to)
            self._ask("evm_mine")
        else:
            self._ask("testing_timeTravel", to)

    def _ask(self, method: str, *arguments: int) -> None:
        answer = self.web3.provider.make_request(cast("Any", method), list(arguments))
        assert "error" not in answer


def both(payload: Payload) -> tuple[Signature, Signature]:
    return signing.sign(payload, SIGNER), signing.sign(payload, COORDINATOR)


def voucher(scene: Scene, terms: Terms, worker: Address, cumulative: int) -> SignedVoucher:
    made = Voucher(chain.job_id(terms), worker, Wei(cumulative))
    return SignedVoucher(made, *both(vouchers.voucher_payload(scene.escrow.domain, made)))
