"""Puts contracts on a chain; TileEscrow at the same address everywhere, and once.

Where a chain has the deterministic deployer, as nearly all do, the address follows from the code alone
(CREATE2). Whoever deploys first, it is the same contract: nobody owns it, and its constructor takes nothing.
Elsewhere it is deployed as any contract, and the address book alone remembers where.
"""

from typing import cast

from eth_utils.crypto import keccak
from web3 import Web3
from web3.types import TxParams

from tegula_market.adapters import devkeys
from tegula_market.adapters.evm import ChainError, artifact, translated
from tegula_market.adapters.evm.addresses import AddressBook, Entry, entry_of
from tegula_market.adapters.evm.sending import Sender, transact
from tegula_market.adapters.genuine import is_tile_escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import Address

DEPLOYER = Address(bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c"))
"""Arachnid's deterministic deployment proxy: a salt and the code that makes a contract go in."""
DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
SALT = bytes(32)
"""The code tells versions apart."""


def deploy(web3: Web3, name: str, key: Key, *arguments: object) -> Address:
    """Puts the contract of a committed artifact on a test chain."""
    made = artifact(name)
    factory = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    receipt = transact(web3, factory.constructor(*arguments).build_transaction, key)
    return _created(receipt)


def deploy_escrow(web3: Web3, sender: Sender, key: Key, book: AddressBook) -> Entry:
    """TileEscrow, into the book; nothing is sent if it is there.

    Raises:
        NotLocal: a development key, and the chain is not a test chain.
        ChainError: too little ether for it, or the chain is away.
    """
    with translated():
        chain_id = web3.eth.chain_id
    devkeys.refuse_elsewhere(key.address, chain_id)
    entry = book.find(web3)
    if entry is None:
        entry = _same_everywhere(web3, sender, key) if _has_deployer(web3) else _plainly(web3, sender, key)
        book.write(entry)
    return entry


def escrow_address() -> Address:
    """Where it is on every chain that has the deployer."""
    return Address(bytes(keccak(b"\xff" + DEPLOYER + SALT + keccak(_init_code())))[-20:])


def _same_everywhere(web3: Web3, sender: Sender, key: Key) -> Entry:
    escrow = escrow_address()
    if is_tile_escrow(web3, escrow):
        return entry_of(web3, escrow)

    def build(transaction: TxParams) -> TxParams:
        whither = {"to": Web3.to_checksum_address(DEPLOYER), "data": SALT + _init_code()}
        return cast("TxParams", {**transaction, **whither})

    receipt = sender.send(build, key)
    return _looked_at(web3, entry_of(web3, escrow, receipt))


def _plainly(web3: Web3, sender: Sender, key: Key) -> Entry:
    receipt = sender.send(lambda blank: cast("TxParams", {**blank, "data": _init_code()}), key)
    return _looked_at(web3, entry_of(web3, _created(receipt), receipt))


def _looked_at(web3: Web3, entry: Entry) -> Entry:
    if not is_tile_escrow(web3, entry.escrow):
        raise ChainError(
            f"what the chain has at 0x{entry.escrow.hex()} is not TileEscrow; does it follow Ethereum's rules"
            " since Prague?"
        )
    return entry


def _has_deployer(web3: Web3) -> bool:
    with translated():
        return bytes(web3.eth.get_code(Web3.to_checksum_address(DEPLOYER))) == DEPLOYER_CODE


def _init_code() -> bytes:
    return bytes.fromhex(artifact("TileEscrow")["bytecode"].removeprefix("0x"))


def _created(receipt: object) -> Address:
    address = cast("dict[str, str]", receipt)["contractAddress"]
    return Address(bytes.fromhex(address.removeprefix("0x")))
