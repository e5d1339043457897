"""What an account pays for transactions, and sending on what it holds; the escrow and its tokens use it."""

from typing import Any, cast

from hexbytes import HexBytes
from web3 import Web3
from web3.types import TxParams

from tegula_market.adapters.evm import artifact, transact, translated
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, Wei


def gas_price(web3: Web3) -> Wei:
    """Base fee of the newest block and the tip that the node suggests, in wei for a unit of gas.

    What a rollup charges for data besides is not in it.
    """
    with translated():
        base = web3.eth.get_block("latest").get("baseFeePerGas", 0)
        return Wei(base + web3.eth.max_priority_fee)


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


def transfer(web3: Web3, token: Address, to: Address, amount: Wei, key: Key) -> bytes:
    """The transaction's hash, once it is mined."""
    if token != ETHER:
        return bytes(
            transact(web3, _transfer(web3, token, to, amount).build_transaction, key)["transactionHash"]
        )

    def plain(transaction: TxParams) -> TxParams:
        gas, tip = transfer_gas(web3, token, to, amount, key.address), web3.eth.max_priority_fee
        # Twice the price: the base fee may rise until it is mined, and only what it then is is paid.
        fee = {"gas": gas, "maxFeePerGas": 2 * gas_price(web3), "maxPriorityFeePerGas": tip}
        whither = {"to": Web3.to_checksum_address(to), "chainId": web3.eth.chain_id}
        return cast("TxParams", {**transaction, **fee, **whither})

    return bytes(transact(web3, plain, key, amount)["transactionHash"])


def _transfer(web3: Web3, token: Address, to: Address, amount: Wei) -> Any:
    contract = web3.eth.contract(Web3.to_checksum_address(token), abi=artifact("DevDollar")["abi"])
    return contract.functions.transfer(Web3.to_checksum_address(to), amount)
