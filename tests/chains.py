"""Local chains for tests: one suite runs on eth-tester's EVM and on anvil."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from web3 import Web3

from tegula_market.adapters import devchain
from tegula_market.adapters.children import dies_with_parent
from tegula_market.adapters.devchain import DevChain

ENGINES = "eth-tester", "anvil"


@contextmanager
def running(engine: str) -> Iterator[DevChain]:
    if engine == "anvil" and devchain.find_anvil() is None:
        pytest.skip("anvil is not installed: chains are tested on eth-tester only; run make setup with npm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devchain, "READY_SECONDS", 180)
        if engine == "eth-tester":
            patch.setattr(devchain, "find_anvil", lambda: None)
        with devchain.devchain() as chain:
            assert chain.engine == engine
            yield chain


@contextmanager
def bare_anvil(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Without contracts, and with the options; its process and URL."""
    program = devchain.find_anvil()
    if program is None:
        pytest.skip("anvil is not installed, so this is not tested; run make setup with npm")
    process = subprocess.Popen(
        [program, "--port", "0", "--hardfork", "prague", *options],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dies_with_parent,  # noqa: PLW1509 calls prctl only, which takes no lock
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        found = next(m for line in lines if (m := re.match(r"Listening on (\S+)", line)))
        yield process, f"http://{found[1]}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(web3: Web3, method: str, *arguments: object) -> Any:
    """What only test chains answer."""
    answer = web3.provider.make_request(cast("Any", method), list(arguments))
    assert "error" not in answer, answer
    return answer["result"]


def travel(web3: Web3, to: int) -> None:
    """anvil's next block, mined at once, and all after it, have a later time."""
    ask(web3, "evm_setNextBlockTimestamp", to)
    mine(web3)


def mine(web3: Web3, blocks: int = 1) -> None:
    for _ in range(blocks):
        ask(web3, "evm_mine")
