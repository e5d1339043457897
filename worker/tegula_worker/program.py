"""Brings a worker up and down: keys, escrow, Blender, connection; and ends all of it on SIGTERM or SIGINT."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil
import structlog

from tegula_market import messages, vouchers
from tegula_market.adapters import chain, scraping, signing, wire
from tegula_market.adapters.chain import ChainError, Dispatch, Escrow
from tegula_market.model import Address, JobId, Wei, WorkerId
from tegula_market.vouchers import Domain
from tegula_worker import acquaintance, cards, passphrases, sandbox, speeds, store
from tegula_worker import keys as keyring
from tegula_worker import watch as watching
from tegula_worker.agent import Agent
from tegula_worker.books import Books
from tegula_worker.config import Config
from tegula_worker.display import Display, device_states
from tegula_worker.events import Equipped
from tegula_worker.evidence import EvidenceFolder
from tegula_worker.keys import Keys
from tegula_worker.machine import Meter
from tegula_worker.metrics import Metrics
from tegula_worker.pool import Pool
from tegula_worker.prudence import Prudence
from tegula_worker.renderer import Renderer
from tegula_worker.rendering import Workshop
from tegula_worker.replies import Device
from tegula_worker.sandbox import Sandbox
from tegula_worker.scenes import SceneCache
from tegula_worker.session import Session
from tegula_worker.store import Store
from tegula_worker.wallet import Wallet
from tegula_worker.watch import Watch

GIB = 1 << 30
SCRATCH = "scratch"
"""In the data folder: a folder for each child while it lives."""
OTHER_KERNEL = {"CYCLES_CPU_NO_AVX2": "1"}
"""Cycles then renders with its kernels for older processors, which round otherwise."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    job: JobId
    cumulative: Wei
    tx: bytes | None
    """None if the chain had paid it before."""


@dataclass(frozen=True, slots=True)
class Sent:
    """On to the address that receives."""

    token: Address
    amount: Wei
    tx: bytes


async def run(
    config: Config,
    *,
    keys: Keys | None = None,
    renderer: Renderer | None = None,
    twin: Renderer | None = None,
    meter: watching.Meter | None = None,
) -> None:
    """Works until SIGTERM or SIGINT.

    Args:
        keys: instead of those in the data folder, opened with the passphrase file.
        renderer: renders instead of one that the configuration describes; it is started and closed here.
        twin: renders a verifier's second images, with another kernel.
        meter: measures the machine instead of what is built in.

    Raises:
        TegulaError: it cannot start, or is not wanted; the message says why.
    """
    if renderer is None or twin is None:
        make = await renderers(config)
        twin = twin or make(environment=OTHER_KERNEL)
    used: Renderer | Pool = renderer or pool(config, make)
    keys = keys or keyring.load_or_create(config.data, passphrases.of_file(config.passphrase_file))
    with store.opened(config.data) as kept:
        _sweep(config.data / SCRATCH)
        about = await asyncio.to_thread(acquaintance.make, config)
        wallet = Wallet(kept, keys.payout, _connector(config))
        books, watch = Books(kept), Watch(config, meter or Meter(config.owner, config.data))
        domain = Domain(about.chain_id, about.escrow)
        if not config.verifier:
            await asyncio.to_thread(partial(wallet.check, domain, believed=config.escrow is not None))
        await asyncio.to_thread(watch.look)
        watch.warn()
        async with _started(used), wire.dealer(about.router, about.curve_key, keys.curve) as dealer:
            scenes = SceneCache(config.data, config.max_scene_bytes)
            worker, version = WorkerId(keys.curve.public), used.blender_version
            kinds: tuple[Device, ...] = (Device.CPU,)
            changes = asyncio.Queue[Equipped]()
            if isinstance(used, Pool):
                changes, kinds = used.changes, tuple(device.kind for device in used.devices)
                _introduce(used, config)
            prudence = Prudence(config, about, worker, version, kinds, wallet, scenes, books, watch)
            workshop = Workshop(used, twin, scenes, config.data / "images", domain, keys.payout)
            session = _remembered(_hello(config, keys, domain, used), kept, domain)
            session = replace(session, paused=watch.why is not None)
            evidence, measured = EvidenceFolder(config.data / "evidence"), Metrics()
            devices = partial(device_states, lambda: used.standing if isinstance(used, Pool) else ())
            shown = (devices, watch, books, kept, measured)
            display = Display(config.data, config.coordinator, *shown, scraped=bool(config.metrics))
            parts = (dealer, prudence, workshop, wallet, kept, evidence, domain, books, watch, changes)
            with scraping.served(measured.registry, config.metrics):
                await _until_told(Agent(session, *parts, display))


async def renderers(config: Config) -> "partial[Renderer]":
    """Makes renderers as the configuration describes them, each child of theirs in the sandbox.

    Raises:
        NoSandbox: one is wanted, and there is none to be had here.
    """
    walls = await asyncio.to_thread(confinement, config)
    scratch = config.data / SCRATCH
    scratch.mkdir(parents=True, exist_ok=True)
    return partial(Renderer, config.blender, limit=config.render_seconds, sandbox=walls, scratch=scratch)


def pool(config: Config, make: "partial[Renderer]") -> Pool:
    """The devices that the configuration wants; a verifier's have one name."""
    budget = psutil.virtual_memory().total // 2 if config.warm_bytes is None else config.warm_bytes
    return Pool(
        lambda device: make(device=device.kind, card=device.id),
        config.device,
        budget,
        slots=config.slots,
        alike=config.verifier,
    )


def claim_all(config: Config, keys: Keys) -> Iterator[Claimed | Sent]:
    """Collects every voucher that is not collected, ended jobs or not, one with each step, whatever the fee.

    Then sends on what is there, if it is to be. Blocks.

    Raises:
        TegulaError: among others ChainError, at the first claim that fails; what came before is paid.
    """
    with store.opened(config.data) as kept:
        wallet = Wallet(kept, keys.payout, _connector(config))
        books, purses = Books(kept), wallet.purses()
        for record in wallet.rooted():
            wallet.look(record)
        for record in wallet.unclaimed():
            early = wallet.early(record)
            if early:
                log.warning("claim waits", job=record.job.hex(), reason=early)
            else:
                yield _claim(wallet, books, record)
        books.tidy()
        for domain, token in sorted(purses, key=repr) if config.receive else ():
            yield from _send(wallet, domain, token, config)


def _claim(wallet: Wallet, books: Books, record: store.JobRecord) -> Claimed:
    tx = wallet.claim(record)
    if tx:
        books.spend(record.job, wallet.spent(record, tx))
    return Claimed(record.job, record.earned, tx)


def _send(wallet: Wallet, domain: Domain, token: Address, config: Config) -> Iterator[Sent]:
    assert config.receive is not None
    found = wallet.sending(domain, token, config.receive, config.gas_reserve)
    if found:
        yield Sent(token, found.amount, wallet.send(domain, token, config.receive, found.amount))


def confinement(config: Config) -> Sandbox | None:
    """What renders run in, as the configuration describes it. Blocks for some hundredths of a second.

    Raises:
        NoSandbox: one is wanted, and there is none to be had here.
    """
    memory = config.memory_bytes or sandbox.share_of_memory()
    return sandbox.chosen(config.sandbox, Sandbox(memory, private=config.data))


def _connector(config: Config) -> Callable[[Address], Escrow]:
    dispatch = Dispatch.lasting(config.data, config.max_fee_per_gas)

    def connect(address: Address) -> Escrow:
        if not config.rpc:
            raise ChainError("no chain is known; name it: --rpc URL")
        return chain.Escrow.connect(config.rpc, address, dispatch)

    return connect


def _sweep(scratch: Path) -> None:
    """Removes what a worker has left that was killed."""
    for left in scratch.glob("*"):
        shutil.rmtree(left)


@asynccontextmanager
async def _started(renderer: Renderer | Pool) -> AsyncIterator[None]:
    try:
        await renderer.start()
        yield
    finally:
        await renderer.close()


async def _until_told(agent: Agent) -> None:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, agent.drain)
    try:
        log.info("worker runs")
        await agent.converse()
        log.info("worker ends")
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _introduce(pool: Pool, config: Config) -> None:
    """Each device into the log, with what is known of it."""
    kept = speeds.load(config.data / speeds.NAME)
    for device in pool.devices:
        facts = cards.facts(device)
        speed = kept.of(device, facts, pool.blender_version)
        log.info(
            "device",
            device=device.words,
            id=device.id,
            gibibytes=round(facts.memory / GIB, 1) if facts.memory else "unknown",
            driver=facts.driver or "unknown",
            megasamples_per_second=speed.megasamples_per_second if speed else "run tegula-worker bench",
        )


def _hello(config: Config, keys: Keys, domain: Domain, renderer: Renderer | Pool) -> messages.Hello:
    payout = keys.payout.address
    binding = vouchers.binding_payload(domain, WorkerId(keys.curve.public), payout)
    return messages.Hello(
        payout,
        signing.sign(binding, keys.payout),
        renderer.blender_version,
        renderer.device_name,
        renderer.slots if isinstance(renderer, Pool) else config.slots,
        config.verifier,
    )


def _remembered(hello: messages.Hello, kept: Store, domain: Domain) -> Session:
    """A worker that was killed goes on where it was."""
    live = (record for record in kept.jobs() if record.domain == domain and not record.ended)
    return Session(
        hello,
        orders={record.job: record.order for record in live},
        results={result.lease: result for result in kept.results()},
    )
