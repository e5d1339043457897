"""A market of real programs that a test can kill and start again: chain, coordinator, workers, a verifier."""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from end_to_end.cuts import Wire
from listening import free_port
from tegula import programs
from tegula.market import Market
from tegula.programs import Program
from tegula_coordinator import cli as coordinator_cli
from tegula_market import codec
from tegula_market.adapters import devchain, signing
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, JobId, Wei
from tegula_worker import keys, passphrases

READY_SECONDS = 180.0
HEARTBEAT_SECONDS = 2.0
"""A dead worker is noticed after five of these. Shorter, and one that lives would be, too, while it waits for
its disk and for others' processes."""
CALL_SECONDS = 3.0
"""In which all ask, for all to have a tile of a small job: before it asks, a worker writes files."""
ETHER_FOR_GAS = Wei(10**18)
CHEATS = Path(__file__).with_name("cheats.py")


class Stage:
    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        chain: DevChain,
        *,
        cuttable: bool,
        stand_in: Path | None,
        settings: dict[str, Any],
    ) -> None:
        self._stack, self._folder, self.chain = stack, folder, chain
        self._stand_in, self._settings = stand_in, settings
        self.scratch = folder / "scratch"
        self._accounts = iter(range(2, devchain.ACCOUNTS))
        self.http, self.router = free_port(), free_port()
        self.wires = [Wire(port) for port in (self.http, self.router) if cuttable]
        """On the way to the coordinator, if it is cuttable."""
        self.patient = True
        """A worker that is started is waited for until it is welcome."""
        self._ways = [wire.port for wire in self.wires] or [self.http, self.router]
        self.verifier_home, self.second_home = folder / "verifier", folder / "second verifier"
        self._configure([_verifier_key(self.verifier_home), _verifier_key(self.second_home)])

    def coordinator(self) -> Program:
        """Starts it, for the first time or again; the configuration stays the same, ports included."""
        program = self.standby()
        program.wait_for(lambda line: line.startswith("{"), READY_SECONDS)
        return program

    def standby(self) -> Program:
        """Another one like it, which is not waited for."""
        command = [programs.find("tegula-coordinator"), "serve", "-v", "--config", str(self._config)]
        return self.run("coordinator", command)

    def verifier(self, cheat: str = "", **settings: Any) -> Program:
        return self._worker(self.verifier_home, {"verifier": True, **settings}, cheat)

    def second_verifier(self, **settings: Any) -> Program:
        return self._worker(self.second_home, {"verifier": True, **settings})

    def worker(
        self, name: str, price: int, cheat: str = "", token: Address | None = None, **settings: Any
    ) -> tuple[Program, Address]:
        """A worker with an account of its own, honest or not, and that account's address.

        One that was here before goes on with what it has in its folder.
        """
        home = self.home(name)
        if not any(home.glob("payout.*")):
            signing.save_key(home / "payout.key", self.key())
        terms = {
            "rpc": self.chain.rpc,
            "price": price,
            "token": codec.encode(self.chain.dollar if token is None else token),
            "escrow": codec.encode(self.chain.escrow),
            "slots": 1,
            "claim_fee_share": 0,
            **settings,
        }
        return self._worker(home, terms, cheat), keys.shown(home)[1]

    def home(self, name: str) -> Path:
        """A worker's folder, before it is there or after."""
        home = self._folder / name
        home.mkdir(exist_ok=True)
        return home

    def key(self) -> Key:
        """An account with ether that nobody has yet."""
        index = next(self._accounts, None)
        if index is not None:
            return self.chain.key(index)
        made = Key.generate()
        self.chain.give_ether(made.address, ETHER_FOR_GAS)
        return made

    def ledger(self, name: str) -> dict[str, Any]:
        """As `tegula-worker ledger --json` tells it, while the worker runs."""
        where = str(self._folder / name)
        return _shown([programs.find("tegula-worker"), "ledger", "--json", "--data", where])

    @property
    def config(self) -> Path:
        """The coordinator's."""
        return self._config

    @property
    def arbiter(self) -> Key:
        return self.chain.key(0)

    @property
    def token_file(self) -> Path:
        return self._config.with_name("tokens")

    @property
    def market(self) -> Market:
        chain = self.chain
        return Market(
            self._url, self._token, chain.rpc, chain.key(1), chain.dollar, chain.escrow, lasting=False
        )

    def _worker(self, home: Path, settings: dict[str, Any], cheat: str = "") -> Program:
        config = home / "worker.toml"
        _write(config, {"coordinator": self._url, "data": ".", **settings})
        honest = [programs.find("tegula-worker"), "run", "--config", str(config)]
        if self._stand_in is not None:
            honest = [sys.executable, str(self._stand_in), str(config)]
        command = [sys.executable, str(CHEATS), cheat, str(config)] if cheat else honest
        program = self.run(home.name, command)
        if self.patient:
            welcomed(program)
        return program

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._ways[0]}"

    def run(self, name: str, command: list[str]) -> Program:
        scratch = self.scratch / name
        scratch.mkdir(parents=True, exist_ok=True)
        return self._stack.enter_context(programs.running(name, command, scratch))

    def replayed(self) -> dict[str, Any]:
        """What the event log amounts to, as `tegula-coordinator replay` tells it."""
        return _shown([programs.find("tegula-coordinator"), "replay", "--config", str(self._config)])

    def _configure(self, verifiers: list[str]) -> None:
        home = self._folder / "coordinator"
        coordinator_cli.keys(home)
        self.coordinator_address = signing.load_key(home / "coordinator.key").address
        self.chain.give_ether(self.coordinator_address, ETHER_FOR_GAS)
        self._token = secrets.token_hex()
        (home / "tokens").write_text(self._token)
        self._config = home / "coordinator.toml"
        settings = {
            "http": f"127.0.0.1:{self.http}",
            "router": f"tcp://127.0.0.1:{self.router}",
            "public_router": f"tcp://127.0.0.1:{self._ways[1]}",
            "data": "data",
            "rpc": self.chain.rpc,
            "escrow": codec.encode(self.chain.escrow),
            "currency": codec.encode(self.chain.dollar),
            "key_file": "coordinator.key",
            "curve_key_file": "curve.key",
            "tokens_file": "tokens",
            "verifiers": verifiers,
            "heartbeat_seconds": HEARTBEAT_SECONDS,
            "arbiter": codec.encode(self.arbiter.address),
            "call_seconds": CALL_SECONDS,
            "drain_seconds": 0,
        }
        _write(self._config, settings | self._settings)


@contextmanager
def stage(*, cuttable: bool = False, stand_in: Path | None = None, **settings: Any) -> Iterator[Stage]:
    """Everything on it ends with it, by process id.

    Args:
        cuttable: whether what is between the coordinator and all others can be cut.
        stand_in: a script that is the worker with another renderer; takes its configuration.
        settings: more of the coordinator's.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tegula-stage-")))
        chain = stack.enter_context(devchain.devchain())
        chain.mint(chain.key(1).address, Wei(10**12))
        made = Stage(stack, folder, chain, cuttable=cuttable, stand_in=stand_in, settings=settings)
        for wire in made.wires:
            stack.callback(wire.close)
        yield made


def kill(program: Program) -> None:
    """SIGKILL: it can say no goodbye and write nothing more."""
    program.process.kill()
    program.process.wait()


def welcomed(program: Program) -> None:
    program.wait_for(lambda line: "event=welcome" in line.split(), READY_SECONDS)


def said(program: Program, event: str, seconds: float = READY_SECONDS) -> str:
    """The first line that the program logs of that event, waited for if need be."""
    return program.wait_for(
        lambda line: f'event="{event}"' in line or f"event={event} " in f"{line} ", seconds
    )


def word(line: str, name: str) -> str:
    """What a logged line says of that name."""
    return next(each for each in line.split() if each.startswith(f"{name}=")).partition("=")[2]


def job_in(line: str) -> JobId:
    return JobId(bytes.fromhex(word(line, "job")))


def _verifier_key(home: Path) -> str:
    """Makes a verifier's keys; the public one, as the coordinator's configuration names it."""
    keys.create(home, passphrases.nowhere)
    return "0x" + keys.shown(home)[0].hex()


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))


def _shown(command: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(programs.output_of(command))
    return shown
