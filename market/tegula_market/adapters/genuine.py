"""Whether the contract at an address is the TileEscrow that this package was built with.

A coordinator names the escrow. One of its own could answer that any job is open and funded, and never pay.
"""

from collections.abc import Iterator

from web3 import Web3

from tegula_market.adapters.evm import artifact, translated
from tegula_market.model import Address

PUSH1, PUSH32 = 0x60, 0x7F
WORD = 32


def is_tile_escrow(web3: Web3, address: Address) -> bool:
    """Whether its code is ours in all but the words that the constructor fills in.

    Those words hold the EIP-712 domain, which `chain.Escrow.genuine` asks for besides.
    """
    with translated():
        code = bytes(web3.eth.get_code(Web3.to_checksum_address(address)))
    made = bytes.fromhex(artifact("TileEscrow")["bytecode"].removeprefix("0x"))
    # What is deployed is the end of what deploys it: the constructor takes no arguments.
    template = made[-len(code) :] if code else b""
    masked = bytearray(code)
    for start in _blanks(template):
        masked[start : start + WORD] = bytes(WORD)
    return WORD < len(code) < len(made) and bytes(masked) == template


def _blanks(template: bytes) -> Iterator[int]:
    """Where the constructor writes: the compiler leaves a pushed word of zeros."""
    at = 0
    while at < len(template):
        operation = template[at]
        operand = operation - PUSH1 + 1 if PUSH1 <= operation <= PUSH32 else 0
        if operation == PUSH32 and template[at + 1 : at + 1 + WORD] == bytes(WORD):
            yield at + 1
        at += 1 + operand
