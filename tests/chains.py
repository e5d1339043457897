"""Local chains for tests: one suite runs on eth-tester's EVM and on anvil."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from web3 import Web3

from tegula_market.adapters import devchain
from tegula_market.adapters.devchain import DevChain

ENGINES = "eth-tester", "anvil"


@contextmanager
def running(engine: str) -> Iterator[DevChain]:
    if engine == "anvil" and devchain.find_anvil() is None:
        pytest.skip("anvil is not installed: chains are tested on eth-tester only; run make setup with npm")
    with pytest.MonkeyPatch.context() as patch:
        if engine == "eth-tester":
            patch.setattr(devchain, "find_anvil", lambda: None)
        with devchain.devchain() as chain:
            assert chain.engine == engine
            yield chain


def ask(web3: Web3, method: str, *arguments: object) -> Any:
    """What only test chains answer."""
    answer = web3.provider.make_request(cast("Any", method), list(arguments))
    assert "error" not in answer, answer
    return answer["result"]


def mine(web3: Web3, blocks: int = 1) -> None:
    for _ in range(blocks):
        ask(web3, "evm_mine")
