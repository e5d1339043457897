"""Keys that everybody has."""

import pytest

from tegula_market.adapters import devchain, devkeys
from tegula_market.adapters.devkeys import LOCAL_CHAIN_IDS, NotLocal, refuse_elsewhere
from tegula_market.model import Address


def test_all_of_the_test_chains_keys_are_known() -> None:
    ours = {devchain.dev_key(index, 31_337).address for index in range(devchain.ACCOUNTS)}
    assert ours == devkeys._ADDRESSES


@pytest.mark.parametrize("chain_id", [1, 8453, 11_155_111, 31_338])
def test_they_are_refused_where_there_is_money(chain_id: int) -> None:
    for index in (0, 19):
        with pytest.raises(NotLocal, match=f"refused on chain {chain_id}.*Make a key of your own"):
            refuse_elsewhere(devchain.dev_key(index, 31_337).address, chain_id)
    refuse_elsewhere(Address(b"\x01" * 20), chain_id)


def test_on_a_test_chain_they_are_welcome() -> None:
    for chain_id in LOCAL_CHAIN_IDS:
        refuse_elsewhere(devchain.dev_key(0, chain_id).address, chain_id)
