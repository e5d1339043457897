"""What an account pays for transactions, and sending on what it holds; the escrow and its tokens use it."""

from typing import Any, cast

from hexbytes import HexBytes
from web3 import Web3
from web3.types import TxParams

from tegula_market.adapters.evm import artifact, fees, translated
from tegula_market.adapters.evm.sending import Sender
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, Wei


def gas_price(web3: Web3) -> Wei:
    """Base fee of the next block and the tip that is usual, in wei for a unit of gas.

    What a rollup charges for data besides is not in it.
    """
    with translated():
        return Wei(fees.price(web3).now)


def gas_of(act: Any, sender: Address) -> int:
    """Units of gas that a call of a contract takes now.

    Raises:
        Refused: the contract would revert.
    """
    with translated():
        return int(act.estimate_gas({"from": Web3.to_checksum_address(sender)}))


def spent(web3: Web3, tx: bytes) -> Wei:
    """What a transaction that was mined has cost its sender, in wei."""
    with translated():
        receipt = web3.eth.get_transaction_receipt(HexBytes(tx))
    return Wei(receipt["gasUsed"] * receipt["effectiveGasPrice"])


def transfer_gas(web3: Web3, token: Address, to: Address, amount: Wei, sender: Address) -> int:
    if token != ETHER:
        return gas_of(_transfer(web3, token, to, amount), sender)
    plain = {"from": sender, "to": to, "value": amount}
    checked = {k: Web3.to_checksum_address(v) if isinstance(v, bytes) else v for k, v in plain.items()}
    with translated():
        return web3.eth.estimate_gas(cast("TxParams", checked))


def transfer(web3: Web3, sender: Sender, token: Address, to: Address, amount: Wei, key: Key) -> bytes:
    """The transaction's hash, once it is mined."""
    if token != ETHER:
        receipt = sender.send(_transfer(web3, token, to, amount).build_transaction, key)
    else:
        whither = cast("TxParams", {"to": Web3.to_checksum_address(to)})
        receipt = sender.send(lambda plain: {**plain, **whither}, key, amount)
    return bytes(receipt["transactionHash"])


def _transfer(web3: Web3, token: Address, to: Address, amount: Wei) -> Any:
    contract = web3.eth.contract(Web3.to_checksum_address(token), abi=artifact("DevDollar")["abi"])
    return contract.functions.transfer(Web3.to_checksum_address(to), amount)
