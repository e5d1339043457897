"""An escrow of somebody's own is told from ours, on a real chain."""

from collections.abc import Iterator

import pytest

from tegula_market.adapters import devchain, evm
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.evm.sending import transact
from tegula_market.adapters.genuine import is_tile_escrow
from tegula_market.model import Address

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def local() -> Iterator[DevChain]:
    with devchain.devchain() as running:
        yield running


def _deployed(local: DevChain, code: bytes) -> Address:
    """A contract with exactly that code: ten bytes copy what follows them and return it."""
    init = b"\x61" + len(code).to_bytes(2, "big") + b"\x80\x60\x0a\x5f\x39\x5f\xf3"
    web3 = evm.connect(local.rpc)
    factory = web3.eth.contract(abi=[], bytecode=(init + code).hex())
    receipt = transact(web3, factory.constructor().build_transaction, local.key(0))
    address = receipt["contractAddress"]
    assert address is not None
    return Address(bytes.fromhex(address[2:]))


def _code(local: DevChain) -> bytes:
    web3 = evm.connect(local.rpc)
    return bytes(web3.eth.get_code(web3.to_checksum_address(local.escrow)))


def test_the_deployed_one_is_ours(local: DevChain) -> None:
    assert is_tile_escrow(evm.connect(local.rpc), local.escrow)
    assert Escrow.connect(local.rpc, local.escrow).genuine()


def test_another_contract_is_not(local: DevChain) -> None:
    web3 = evm.connect(local.rpc)
    assert not is_tile_escrow(web3, local.dollar)
    assert not is_tile_escrow(web3, Address(b"\x01" * 20))


@pytest.mark.parametrize("place", [0, 100, 5000, -1])
def test_one_changed_byte_is_another_contract(local: DevChain, place: int) -> None:
    forged = bytearray(_code(local))
    forged[place] ^= 1
    assert not is_tile_escrow(evm.connect(local.rpc), _deployed(local, bytes(forged)))


def test_our_code_that_signs_under_another_domain_is_not_genuine(local: DevChain) -> None:
    """The words of the constructor can be forged by whoever deploys the code without it."""
    forged = bytearray(_code(local))
    web3 = evm.connect(local.rpc)
    names = web3.keccak(text="TileEscrow")
    assert names in forged
    start = bytes(forged).index(names)
    forged[start : start + 32] = bytes(32)
    address = _deployed(local, bytes(forged))
    assert is_tile_escrow(web3, address)
    assert not Escrow.connect(local.rpc, address).genuine()
