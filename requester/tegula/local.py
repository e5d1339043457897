"""A whole market on this computer, for as long as it is needed: chain, coordinator, workers, a verifier.

Everything listens on loopback, on ports that the system chooses, and keeps its files in one temporary folder.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tegula import programs
from tegula.market import Market
from tegula.programs import Program
from tegula_market import codec
from tegula_market.adapters import devchain, signing
from tegula_market.adapters.devchain import DOLLAR, DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, Wei

ARBITER, REQUESTER, FIRST_WORKER = 0, 1, 2
"""Of the chain's development keys; 0 has deployed the contracts, and has no part in jobs."""
MOST_WORKERS = devchain.ACCOUNTS - FIRST_WORKER
POCKET_MONEY = Wei(1_000_000 * DOLLAR)
RELAY_MONEY = Wei(10**18)
"""One ether for the gas of the coordinator's transactions."""
FIRST_PRICE, PRICE_STEP = 40, 10
"""Token units a megasample that workers ask: 40, 50, 60, so that there is an auction to see."""
SANDBOX = "bubblewrap where possible, else this machine may be harmed"
"""As the worker's configuration has it. Here renders are of the artist's own scene, as F12's are."""
READY_SECONDS = 60.0
"""For a program to start; a worker starts a Blender."""
KERNEL_SECONDS = 660.0
"""For a worker with a graphics card: its driver builds kernels at a first start, and takes minutes."""
CPU = "CPU"


@contextmanager
def market(
    workers: int,
    blender: Path | None = None,
    funded: Sequence[Address] = (),
    *,
    device: str = CPU,
    verifier_device: str | None = None,
) -> Iterator[Market]:
    """A market with so many workers, all of them connected.

    Args:
        funded: accounts that get play money besides the requester's.
        device, verifier_device: as a worker's configuration has them; without its own, a verifier has
            the workers'.
    Raises:
        NoChain, ProgramFailed: a part of it did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tegula-local-")))
        chain = stack.enter_context(devchain.devchain())
        requester = chain.key(REQUESTER)
        for account in (requester.address, *funded):
            chain.mint(account, POCKET_MONEY)
        verifier = _verifier_key(folder / "verifier")
        url, token = coordinator(stack, folder / "coordinator", chain, verifier)
        checking = verifier_device or device
        seconds = READY_SECONDS if {device.upper(), checking.upper()} == {CPU} else KERNEL_SECONDS
        role = {"verifier": True, "device": checking}
        starting = [_worker(stack, folder / "verifier", url, role, blender)]
        for index in range(workers):
            home = folder / f"worker-{index}"
            _place_key(home, chain.key(FIRST_WORKER + index))
            terms = _worker_terms(chain, FIRST_PRICE + index * PRICE_STEP) | {"device": device}
            starting.append(_worker(stack, home, url, terms, blender))
        for program in starting:
            program.wait_for(lambda line: "event=welcome" in line.split(), seconds)
        said = [program.wait_for(lambda line: "sandbox=" in line, READY_SECONDS) for program in starting]
        unprotected = any("sandbox=none" in line.split() for line in said)
        yield Market(
            url,
            token,
            chain.rpc,
            requester,
            chain.dollar,
            chain.escrow,
            lasting=False,
            unprotected=unprotected,
            operator=(folder / "coordinator" / "operator.token").read_text().strip(),
        )


def protection(market: Market) -> str:
    """What keeps a scene from this computer, in a sentence."""
    if market.unprotected:
        return (
            "there is no usable bubblewrap here, so scenes are rendered without a sandbox, as F12 does;"
            " open only scenes that you trust"
        )
    return "renders run in a sandbox"


def _verifier_key(home: Path) -> str:
    command = [programs.find("tegula-worker"), "keys", "--plain", "--data", str(home)]
    shown = programs.output_of(command)
    key: str = json.loads(shown)["worker"]
    return key


def coordinator(stack: ExitStack, home: Path, chain: DevChain, verifier: str) -> tuple[str, str]:
    """URL and requester's token of a coordinator that serves."""
    command = programs.find("tegula-coordinator")
    keys = json.loads(programs.output_of([command, "keys", "--dir", str(home)]))
    chain.give_ether(codec.decode(Address, keys["coordinator"]), RELAY_MONEY)
    settings = {
        "http": "127.0.0.1:0",
        "router": "tcp://127.0.0.1:0",
        "data": "data",
        "rpc": chain.rpc,
        "escrow": codec.encode(chain.escrow),
        "currency": codec.encode(chain.dollar),
        "key_file": "coordinator.key",
        "curve_key_file": "curve.key",
        "tokens_file": "tokens",
        "operator_token_file": "operator.token",
        "verifiers": [verifier],
        "arbiter": codec.encode(chain.key(ARBITER).address),
        "call_seconds": 1.0,
        "drain_seconds": 0,
    }
    config = _toml(home / "coordinator.toml", settings)
    serving = stack.enter_context(
        programs.running("coordinator", [command, "serve", "--config", config], home)
    )
    shown = json.loads(serving.wait_for(lambda line: line.startswith("{"), READY_SECONDS))
    return shown["http"], (home / "tokens").read_text().split()[0]


def _place_key(home: Path, payout: Key) -> None:
    """A development key that has ether: claims cost gas."""
    home.mkdir()
    signing.save_key(home / "payout.key", payout)


def _worker_terms(chain: DevChain, price: int) -> dict[str, Any]:
    money = {"token": codec.encode(chain.dollar), "escrow": codec.encode(chain.escrow)}
    return {"rpc": chain.rpc, "price": price, **money}


def _worker(stack: ExitStack, home: Path, url: str, terms: dict[str, Any], blender: Path | None) -> Program:
    settings = {"coordinator": url, "data": ".", "sandbox": SANDBOX, **terms}
    if blender is not None:
        settings["blender"] = str(blender.absolute())
    command = [programs.find("tegula-worker"), "run", "--config", _toml(home / "worker.toml", settings)]
    return stack.enter_context(programs.running(home.name, command, home))


def _toml(path: Path, settings: dict[str, Any]) -> str:
    """JSON's strings, numbers, booleans and lists are TOML's, too."""
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
    path.write_text("".join(lines))
    return str(path)
