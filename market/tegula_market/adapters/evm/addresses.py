"""The address book: where TileEscrow is, by chain id. Part comes with the package, part was deployed here.

An entry is believed only after a look at the chain: a book can be old, and a test chain new.
"""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak
from web3 import Web3

from tegula_market import codec
from tegula_market.adapters import durable, home
from tegula_market.adapters.evm import ChainError, translated
from tegula_market.adapters.genuine import is_tile_escrow
from tegula_market.codec import MalformedInput
from tegula_market.model import Address

NAME = "escrows.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """An escrow on a chain."""

    chain_id: int
    escrow: Address
    code_hash: bytes
    """keccak256 of its code there."""
    block: int | None = None
    """That it was deployed in; None if somebody else did."""
    transaction: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Book:
    entries: tuple[Entry, ...]
    """Newest last."""


class AddressBook:
    """
    Args:
        path: of a person's own; by default among a person's own records.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or home.folder() / NAME

    def find(self, web3: Web3) -> Entry | None:
        """The newest entry that is true of the chain, and has the code of this version of the package.

        Raises:
            ChainError: the book cannot be read, or the chain is away.
        """
        with translated():
            chain_id = web3.eth.chain_id
        known = (each for each in reversed([*_packaged(), *self._own()]) if each.chain_id == chain_id)
        return next((entry for entry in known if holds(web3, entry)), None)

    def write(self, entry: Entry) -> None:
        """On the disk when this returns.

        Raises:
            ChainError: it cannot be written.
        """
        here = entry.chain_id, entry.escrow
        others = tuple(each for each in self._own() if (each.chain_id, each.escrow) != here)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(
                self._path, json.dumps(codec.encode(_Book((*others, entry))), indent=1).encode() + b"\n"
            )
        except OSError as error:
            raise ChainError(
                f"cannot write the address book {self._path}: {error.strerror}; the escrow is at"
                f" 0x{entry.escrow.hex()}, note it down"
            ) from error

    def _own(self) -> tuple[Entry, ...]:
        try:
            return codec.loads(_Book, self._path.read_bytes()).entries
        except FileNotFoundError:
            return ()
        except (OSError, MalformedInput) as error:
            raise ChainError(
                f"cannot read the address book {self._path}: {error}; move it away to go on without it"
            ) from error


def code_hash(web3: Web3, escrow: Address) -> bytes:
    with translated():
        return bytes(keccak(bytes(web3.eth.get_code(Web3.to_checksum_address(escrow)))))


def holds(web3: Web3, entry: Entry) -> bool:
    return code_hash(web3, entry.escrow) == entry.code_hash and is_tile_escrow(web3, entry.escrow)


def _packaged() -> tuple[Entry, ...]:
    return codec.loads(_Book, resources.files(__package__).joinpath(NAME).read_bytes()).entries


def entry_of(web3: Web3, escrow: Address, receipt: Any = None) -> Entry:
    """
    Args:
        receipt: of the transaction that made it; None if it was there.
    """
    with translated():
        found = web3.eth.chain_id, escrow, code_hash(web3, escrow)
    if receipt is None:
        return Entry(*found)
    return Entry(*found, receipt["blockNumber"], bytes(receipt["transactionHash"]))
