import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.adapters.keccak import RATE, keccak256


@given(st.binary(max_size=3 * RATE))
def test_it_is_the_hash_of_another_implementation(data: bytes) -> None:
    assert keccak256(data) == keccak(data)


@pytest.mark.parametrize("length", [0, 1, RATE - 2, RATE - 1, RATE, RATE + 1, 2 * RATE - 1, 2 * RATE])
def test_it_is_so_where_the_padding_turns_a_block(length: int) -> None:
    assert keccak256(bytes(range(256))[:length] * 1) == keccak(bytes(range(256))[:length])


def test_known_values() -> None:
    """Of the Ethereum Yellow Paper: the hash of nothing, and of an empty RLP string."""
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"\x80").hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
