"""What `doctor` looks at outside: the coordinator, the clock, the chain, ether for gas. Changes nothing."""

from tegula_market.adapters import chain, evm
from tegula_market.adapters.blobs import BlobClient, BlobError
from tegula_market.adapters.chain import Escrow
from tegula_market.model import ETHER, Wei
from tegula_worker import acquaintance, clock
from tegula_worker import keys as keyring
from tegula_worker.config import Config, ConfigError
from tegula_worker.findings import Finding, fine, wrong
from tegula_worker.keys import ENCRYPTED, PLAIN

PATIENCE = 5.0
"""Seconds: somebody waits for the answer."""
CLAIM_GAS = 150_000
"""More than a first claim in a token takes (docs/developer.md), so that it is surely enough."""


def coordinator(config: Config) -> Finding:
    """Raises: TegulaError: it cannot be reached, or does not fit."""
    if not config.coordinator:
        return wrong("coordinator", "none is named", "name it: --coordinator URL")
    about = acquaintance.make(config, PATIENCE)
    return fine(
        "coordinator", f"{config.coordinator} speaks {about.protocol}, pays from 0x{about.escrow.hex()}"
    )


def right_time(config: Config) -> Finding | None:
    """None where nobody can be asked for the time."""
    client = BlobClient(config.coordinator, patience=PATIENCE)
    try:
        fault = clock.compare(client)
    except BlobError:  # which is for `coordinator` to say
        return None
    finally:
        client.close()
    if fault:
        return wrong("clock", fault, clock.REMEDY)
    return fine("clock", f"within {clock.MOST_SECONDS} seconds of the coordinator's")


def payer(config: Config) -> Finding:
    """Raises: ChainError: the chain is away, or there is no contract."""
    if not config.rpc:
        if config.verifier:
            return fine("chain", "a verifier earns nothing and needs none")
        return wrong("chain", "none is named", "name it: --rpc URL")
    evm.connect(config.rpc)
    try:
        about = acquaintance.make(config, PATIENCE)
    except (BlobError, ConfigError):
        return fine("chain", f"{config.rpc} answers; the coordinator has to say which escrow to look at")
    escrow = chain.Escrow.connect(config.rpc, about.escrow)
    here = escrow.domain.chain_id
    if here != about.chain_id:
        said = f"{config.rpc} is chain {here}, the coordinator pays on chain {about.chain_id}"
        return wrong("chain", said, "name a node of that chain: --rpc URL")
    if config.escrow is not None:
        return fine("chain", f"chain {here}, with the escrow that the configuration names")
    if not escrow.genuine():
        said = f"the contract at 0x{about.escrow.hex()} is not TileEscrow as this version has it"
        return wrong("chain", said, "do not work for this coordinator, or name the escrow: escrow = ADDRESS")
    return fine("chain", f"chain {here}, the escrow 0x{about.escrow.hex()} is genuine")


def gas(config: Config) -> Finding | None:
    """None where there is no account yet, or no chain to look at it.

    Raises: ChainError: the chain is away.
    """
    if not config.rpc or not any((config.data / name).exists() for name in (PLAIN, ENCRYPTED)):
        return None
    try:
        about = acquaintance.make(config, PATIENCE)
    except (BlobError, ConfigError):
        return None
    _, payout = keyring.shown(config.data)
    escrow = chain.Escrow.connect(config.rpc, about.escrow)
    return enough(escrow.balance(ETHER, payout), _price(escrow), "0x" + payout.hex())


def enough(held: Wei, price: Wei, account: str) -> Finding:
    """
    Args:
        price: of a claim.
    """
    if held < price:
        said = f"the payout account {account} holds {held} wei; a claim costs {price} now"
        return wrong(
            "gas", said, f"send ether to {account}: without it vouchers are kept, and nothing is claimed"
        )
    many = "" if not price else f", enough for {held // price} claims at today's price"
    return fine("gas", f"{account} holds {held} wei{many}")


def _price(escrow: Escrow) -> Wei:
    return Wei(CLAIM_GAS * escrow.gas_price())
