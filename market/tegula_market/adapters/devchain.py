"""A local test chain: anvil if npm brought it, else eth-tester's EVM behind the same JSON-RPC, on loopback.

It starts with the escrow, a test dollar and funded accounts. The keys are the public ones that every Ethereum
tool knows, so they are refused on any chain that is not a local one.
"""

import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from eth_account import Account
from web3 import Web3
from web3.types import TxParams

from tegula_market.adapters import evm
from tegula_market.adapters.children import dies_with_parent
from tegula_market.adapters.devkeys import LOCAL_CHAIN_IDS, NotLocal
from tegula_market.adapters.evm.deploying import deploy
from tegula_market.adapters.evm.sending import transact
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, TegulaError, Wei

MNEMONIC = "test test test test test test test test test test test junk"
PATH = "m/44'/60'/0'/0"
"""Of the accounts, as every wallet derives them."""
ACCOUNTS = 20
READY_SECONDS = 30
LISTENING = "Listening on "
ANVIL = "@foundry-rs/anvil-linux-amd64/bin/anvil"
"""The native program; npm's shim of that name would stay between us and its process id."""
DOLLAR = 10**6
"""Units of the test dollar in one dollar, as with the real ones."""


class NoChain(TegulaError):
    """The test chain did not start."""


@dataclass(frozen=True, slots=True)
class DevChain:
    rpc: str
    chain_id: int
    escrow: Address
    dollar: Address
    """ERC-20 with 6 decimals that `mint` hands out."""
    engine: str
    """"anvil" or "eth-tester"."""
    pid: int

    def key(self, index: int) -> Key:
        """A funded development key, 0 to 19."""
        return dev_key(index, self.chain_id)

    def mint(self, owner: Address, amount: Wei) -> None:
        """Hands out test dollars, in their units."""
        web3 = evm.connect(self.rpc)
        dollar = web3.eth.contract(
            Web3.to_checksum_address(self.dollar), abi=evm.artifact("DevDollar")["abi"]
        )
        mint = dollar.functions.mint(Web3.to_checksum_address(owner), amount)
        transact(web3, mint.build_transaction, self.key(0))

    def give_ether(self, owner: Address, wei: Wei) -> None:
        """For gas."""
        web3 = evm.connect(self.rpc)
        to = Web3.to_checksum_address(owner)

        def gift(transaction: TxParams) -> TxParams:
            return cast("TxParams", {**transaction, "to": to})

        transact(web3, gift, self.key(0), wei)


def dev_key(index: int, chain_id: int) -> Key:
    """Raises: NotLocal: the chain is not a local test chain."""
    if chain_id not in LOCAL_CHAIN_IDS:
        raise NotLocal(f"development keys are public; they are refused on chain {chain_id}. Use a key file")
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"{PATH}/{index}")
    return Key(account)


@contextmanager
def devchain(anvil: Path | None = None) -> Iterator[DevChain]:
    """A running chain with the contracts on it; ended, by process id, on leaving.

    Args:
        anvil: the anvil program; by default the one that `find_anvil` finds, or else eth-tester.
    Raises:
        NoChain: it did not start.
    """
    command, engine = _command(anvil or find_anvil())
    with _started(command) as process:
        rpc = _listening(process, engine)
        web3 = evm.connect(rpc)
        chain_id = web3.eth.chain_id
        deployer = dev_key(0, chain_id)
        escrow = deploy(web3, "TileEscrow", deployer)
        dollar = deploy(web3, "DevDollar", deployer)
        yield DevChain(rpc, chain_id, escrow, dollar, engine, process.pid)


def find_anvil() -> Path | None:
    """anvil from contracts/node_modules of a checkout, or from the PATH."""
    for folder in (Path.cwd(), *Path(__file__).resolve().parents):
        candidate = folder / "contracts" / "node_modules" / ANVIL
        if candidate.is_file():
            return candidate
    found = shutil.which("anvil")
    return Path(found) if found else None


def _command(anvil: Path | None) -> tuple[list[str], str]:
    if anvil is None:
        return [sys.executable, "-m", "tegula_market.adapters.devchain_server"], "eth-tester"
    options = ["--host", "127.0.0.1", "--port", "0", "--mnemonic", MNEMONIC, "--accounts", str(ACCOUNTS)]
    return [str(anvil), *options, "--hardfork", "prague"], "anvil"


@contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # Ctrl-C is for the program that uses the chain, which may still have to pay
        preexec_fn=dies_with_parent,  # noqa: PLW1509 calls prctl only, which takes no lock
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(process: subprocess.Popen[str], engine: str) -> str:
    """Waits for the line with the address; what follows is read and dropped, or the pipe would fill."""
    found: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_drain, args=(process, found), daemon=True).start()
    try:
        address = found.get(timeout=READY_SECONDS)
    except queue.Empty:
        address = None
    if address is None:
        raise NoChain(f"{engine} did not start a test chain within {READY_SECONDS} s")
    return f"http://{address}"


def _drain(process: subprocess.Popen[str], found: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if line.startswith(LISTENING):
                found.put(line.removeprefix(LISTENING).strip())
    found.put(None)
