"""Puts contracts on a chain."""

from web3 import Web3

from tegula_market.adapters.evm import artifact
from tegula_market.adapters.evm.sending import transact
from tegula_market.adapters.signing import Key
from tegula_market.model import Address


def deploy(web3: Web3, name: str, key: Key, *arguments: object) -> Address:
    """Puts the contract of a committed artifact on a test chain."""
    made = artifact(name)
    factory = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    receipt = transact(web3, factory.constructor(*arguments).build_transaction, key)
    address = receipt["contractAddress"]
    assert address is not None
    return Address(bytes.fromhex(address.removeprefix("0x")))
