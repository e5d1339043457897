"""Puts the escrow on a chain, with an operator's key. Blocks."""

from pathlib import Path
from typing import Any

import typer

from tegula_coordinator.config import ConfigError
from tegula_market.adapters import evm, home, keystore, signing
from tegula_market.adapters.chain import Dispatch
from tegula_market.adapters.evm import deploying
from tegula_market.adapters.evm import source as sources
from tegula_market.adapters.evm.addresses import AddressBook, Entry
from tegula_market.adapters.evm.sending import Sender
from tegula_market.adapters.signing import Key
from tegula_market.model import Address


def key(plain: Path | None, encrypted: Path | None, passphrase_file: Path | None) -> Key:
    """
    Raises:
        ConfigError: not exactly one file is named, or the passphrase cannot be read.
        UnusableKey: the file holds no key, or can be read by others.
    """
    if plain is not None and encrypted is None:
        return signing.load_key(plain)
    if encrypted is None or plain is not None:
        raise ConfigError("name the key that pays: either --key-file FILE or --keystore FILE")
    if passphrase_file is None:
        return keystore.load(encrypted, typer.prompt("Passphrase", hide_input=True, err=True))
    try:
        lines = passphrase_file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the passphrase from {passphrase_file}: {error}") from error
    return keystore.load(encrypted, lines[0] if lines else "")


def deploy(rpc: str, payer: Key, ceiling: int) -> Entry:
    """Raises: ChainError, NotLocal: as `deploy_escrow`."""
    web3 = evm.connect(rpc)
    dispatch = Dispatch.lasting(home.folder(), ceiling)
    return deploying.deploy_escrow(web3, Sender(web3, dispatch), payer, AddressBook())


def known_escrow(rpc: str) -> Address:
    """What the address book has for the chain, looked at there.

    Raises:
        ConfigError: nothing.
        ChainError: the chain is away.
    """
    entry = AddressBook().find(evm.connect(rpc))
    if entry is None:
        raise ConfigError(
            "the address book has no escrow for the chain of `rpc`; name one in the configuration, escrow ="
            " ADDRESS, or deploy it: tegula-coordinator deploy"
        )
    return entry.escrow


def source(contracts: Path | None) -> dict[str, Any]:
    """The compiler's standard JSON input.

    Raises:
        ConfigError, NoSource: there is none to be had here.
    """
    found = contracts or sources.find_contracts()
    if found is None:
        raise ConfigError("the source is in a checkout; name its contracts folder: --contracts DIR")
    return sources.standard_input(found)
