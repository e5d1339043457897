"""Sends transactions, one of each key at a time, so that a kill loses none and sends none twice.

Each is kept in the outbox before a node sees it. Whoever sends next looks first at what was left: it is
mined, or sent once more, and if it is the very act that is wanted now, nothing else is sent. One that no
block takes is replaced at a higher fee, up to the owner's ceiling.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import TxParams, TxReceipt, Wei

from tegula_market.adapters import devkeys
from tegula_market.adapters.evm import NonceTaken, Refused, translated
from tegula_market.adapters.evm.outbox import Outbox, Version
from tegula_market.adapters.evm.pursuit import UNDERPRICED, Policy, Pursuit, is_about_nonce
from tegula_market.adapters.signing import Key

__all__ = ["Build", "Dispatch", "Policy", "Sender", "transact"]

OUTBOX = "outbox.db"
FINAL_BLOCKS = 64
"""After so many blocks, two epochs of Ethereum's, a transaction is taken to stay where it is."""
HEADROOM = 40_000
"""Units of gas above what a call would take now; what is not used is not paid. Whoever comes before it in the
block can make it dearer: a slot that is empty then costs 17,100 more to write."""
TRIES = 3
"""With another nonce each, where other programs use the key, too."""

log = logging.getLogger(__name__)
Build = Callable[[TxParams], TxParams]
"""Completes a transaction with where it goes and what it calls."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """How a program sends."""

    outbox: Outbox = field(default_factory=Outbox)
    policy: Policy = Policy()  # noqa: RUF009 frozen

    @classmethod
    def lasting(cls, folder: Path, ceiling: int) -> "Dispatch":
        """From an outbox in the folder.

        Args:
            ceiling: most wei for a unit of gas.
        """
        return cls(Outbox(folder / OUTBOX), Policy(ceiling=ceiling))


class Sender:
    def __init__(self, web3: Web3, dispatch: Dispatch | None = None) -> None:
        dispatch = dispatch or Dispatch()
        self._web3 = web3
        self._outbox = dispatch.outbox
        self._policy = dispatch.policy

    def send(self, build: Build, key: Key, value: int = 0) -> TxReceipt:
        """Returns when the transaction is mined.

        Raises:
            ChainError: not carried out, or, as NotMined, not yet; nothing is lost by trying again.
            NotLocal: a development key, and the chain is not a test chain.
        """
        with translated(), self._outbox.turn(key.address, self._policy.patience):
            devkeys.refuse_elsewhere(key.address, self._chain_id)
            pursuit, act = self._pursuit(key), self._act(build, key, value)
            done = self._settle(pursuit, key, act)
            for _ in range(TRIES):
                done = done or self._once(pursuit, key, act)
        if done is None:
            raise NonceTaken(
                f"other programs send with the key of {key.account.address}, too, and were faster {TRIES}"
                " times; nothing was sent. Give each program a key of its own, then try again"
            )
        if done["status"] != 1:
            raise Refused(f"the transaction {done['transactionHash'].to_0x_hex()} reverted")
        return done

    def settle(self, key: Key) -> None:
        """Sees to what was sent before: after a kill, and after a reorganisation of the chain.

        Raises:
            ChainError: it cannot be seen to now; it is kept.
        """
        with translated(), self._outbox.turn(key.address, self._policy.patience):
            self._settle(self._pursuit(key), key, None)

    @cached_property
    def _chain_id(self) -> int:
        return self._web3.eth.chain_id

    @cached_property
    def _chain(self) -> str:
        """Tells a test chain from the one before it, which had the same id."""
        genesis = self._web3.eth.get_block(0).get("hash", b"")
        return f"{self._chain_id}:{genesis.hex()}"

    def _pursuit(self, key: Key) -> Pursuit:
        return Pursuit(self._web3, (self._chain_id, self._chain), self._outbox, self._policy, key)

    def _act(self, build: Build, key: Key, value: int) -> dict[str, Any]:
        """To whom, what is called, and the value: what makes two transactions the same act."""
        blank = {"from": key.account.address, "nonce": 0, "gas": 0, "value": Wei(value)}
        free = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "chainId": self._chain_id}
        built = cast("dict[str, Any]", build(cast("TxParams", {**blank, **free})))
        to, data = built.get("to"), built.get("data", "0x")  # without a `to` it makes a contract
        return {
            "to": Web3.to_checksum_address(to) if to else "",
            "value": int(built["value"]),
            "data": data if isinstance(data, str) else "0x" + bytes(data).hex(),
        }

    def _settle(self, pursuit: Pursuit, key: Key, act: dict[str, Any] | None) -> TxReceipt | None:
        """The receipt of `act` if that is among what was left under way."""
        adopted = None
        left = self._outbox.left(self._chain, key.address)
        if not self._lost(pursuit, [versions for versions in left if versions[0].block is not None]):
            left = [versions for versions in left if versions[0].block is None]
        for versions in left:
            if pursuit.receipt(versions) is None:
                pursuit.remind(versions)
            mined = pursuit.wait(versions)
            if mined is None:
                log.warning("%s can never be mined: another program took its nonce", versions[-1].name)
            elif versions[0].block is None and act == _act_of(versions[-1]) and mined["status"] == 1:
                adopted = mined
        return adopted

    def _lost(self, pursuit: Pursuit, mined: list[list[Version]]) -> bool:
        """Whether the chain no longer has what it had; what is too deep for that is forgotten."""
        if not mined:
            return False
        last = mined[-1]  # while it is there, so are all nonces before it
        receipt = pursuit.receipt(last)
        if receipt is None:
            log.warning("a reorganisation of the chain lost %s; it is sent again", last[-1].name)
            return True
        for versions in mined[:-1]:
            if receipt["blockNumber"] - (versions[0].block or 0) >= FINAL_BLOCKS:
                self._outbox.drop(self._chain, versions)
        return False

    def _once(self, pursuit: Pursuit, key: Key, act: dict[str, Any]) -> TxReceipt | None:
        """None if somebody else took the nonce."""
        call = act if act["to"] else {name: act[name] for name in ("value", "data")}
        gas = self._web3.eth.estimate_gas(cast("TxParams", {**call, "from": key.account.address}))
        if act["data"] != "0x":  # a plain transfer, which may be all that is there, takes what it takes
            gas += HEADROOM
        nonce, offer = self._nonce(pursuit, key), pursuit.offer()
        version = pursuit.signed({**act, "gas": gas, "nonce": nonce}, offer)
        try:
            pursuit.broadcast(version)
        except Web3RPCError as error:
            if not is_about_nonce(error):
                self._outbox.drop(self._chain, [version])  # the node has not taken it, and says why
                raise
            if UNDERPRICED in str(error).lower():
                self._outbox.drop(self._chain, [version])
                _warn_of_others(key)
                return None
        receipt = pursuit.wait([version])
        if receipt is None:
            _warn_of_others(key)
        return receipt

    def _nonce(self, pursuit: Pursuit, key: Key) -> int:
        """The next one. All of ours is mined by now, so what is pending is somebody else's."""
        left = self._outbox.left(self._chain, key.address)
        ours = [int(versions[0].fields["nonce"]) + 1 for versions in left]
        mined = max([pursuit.next_nonce(), *ours])  # the node that answers can lag behind the last one
        pending = pursuit.next_nonce("pending")
        if pending > mined:
            _warn_of_others(key)
        return max(mined, pending)


def transact(web3: Web3, build: Build, key: Key, value: int = 0) -> TxReceipt:
    """Sends what need not be remembered: on test chains.

    Raises:
        ChainError: it reverted, was not mined in time, or the chain is away.
    """
    return Sender(web3).send(build, key, value)


def _act_of(version: Version) -> dict[str, Any]:
    return {name: version.fields[name] for name in ("to", "value", "data")}


def _warn_of_others(key: Key) -> None:
    log.warning(
        "another program sends transactions with the key of %s; give each program a key of its own, or they"
        " take each other's turns",
        key.account.address,
    )
