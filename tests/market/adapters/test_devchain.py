import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tegula_market.adapters import devchain
from tegula_market.adapters.devchain import dev_key
from tegula_market.adapters.devkeys import NotLocal

HOLD = """
import sys
from tegula_market.adapters import devchain
if sys.argv[1] == "eth-tester":
    devchain.find_anvil = lambda: None
with devchain.devchain() as chain:
    print(chain.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("chain_id", [1, 10, 8453, 11155111])
def test_development_keys_are_refused_on_real_chains(chain_id: int) -> None:
    with pytest.raises(NotLocal, match="Use a key file"):
        dev_key(0, chain_id)


def test_development_keys_are_the_ones_that_everybody_knows() -> None:
    assert dev_key(0, 31337).account.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["anvil", "eth-tester"])
@pytest.mark.parametrize("killed", [False, True])
def test_the_chain_ends_with_its_owner_even_if_that_is_killed(engine: str, killed: bool) -> None:
    if engine == "anvil" and devchain.find_anvil() is None:
        pytest.skip("SKIPPED: anvil is missing; install npm and run `make setup`")
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    watched = os.pidfd_open(pid)
    if killed:
        owner.kill()
    owner.communicate()
    select.select([watched], [], [], 20)  # readable once the process has ended
    os.close(watched)
    assert gone(pid)
