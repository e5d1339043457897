"""Brings a worker up and down: keys, escrow, Blender, connection; and ends all of it on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psutil
import structlog

from tegula_market import messages, vouchers
from tegula_market.adapters import chain, signing, wire
from tegula_market.adapters.blobs import About, BlobClient
from tegula_market.adapters.chain import ChainError, Escrow
from tegula_market.model import Address, WorkerId
from tegula_market.vouchers import Domain
from tegula_worker import cards, speeds, store
from tegula_worker import keys as keyring
from tegula_worker.agent import Agent
from tegula_worker.config import Config, ConfigError
from tegula_worker.events import Equipped
from tegula_worker.evidence import EvidenceFolder
from tegula_worker.keys import Keys
from tegula_worker.pool import Pool
from tegula_worker.prudence import Prudence
from tegula_worker.renderer import Renderer
from tegula_worker.rendering import Workshop
from tegula_worker.scenes import SceneCache
from tegula_worker.session import Session
from tegula_worker.store import Store
from tegula_worker.wallet import Wallet

GIB = 1 << 30
OTHER_KERNEL = {"CYCLES_CPU_NO_AVX2": "1"}
"""Cycles then renders with its kernels for older processors, which round otherwise."""

log = structlog.get_logger(__name__)


async def run(config: Config, *, renderer: Renderer | None = None, twin: Renderer | None = None) -> None:
    """Works until SIGTERM or SIGINT.

    Args:
        renderer: renders instead of one that the configuration describes; it is started and closed here.
        twin: renders a verifier's second images, with another kernel.

    Raises:
        TegulaError: it cannot start, or is not wanted; the message says why.
    """
    used: Renderer | Pool = renderer or pool(config)
    keys = keyring.load_or_create(config.data)
    with store.opened(config.data) as kept:
        about = await _about(config)
        wallet = Wallet(kept, keys.payout, lambda address: _connect(config, address))
        domain = Domain(about.chain_id, about.escrow)
        if not config.verifier:
            await asyncio.to_thread(wallet.check, domain)
        async with _started(used), wire.dealer(about.router, about.curve_key, keys.curve) as dealer:
            scenes = SceneCache(config.data, config.max_scene_bytes)
            worker = WorkerId(keys.curve.public)
            prudence = Prudence(config, about, worker, used.blender_version, wallet, scenes)
            twin = twin or Renderer(config.blender, environment=OTHER_KERNEL)
            workshop = Workshop(used, twin, scenes, config.data / "images", domain, keys.payout)
            session = _remembered(_hello(config, keys, domain, used), kept, domain)
            changes = asyncio.Queue[Equipped]()
            if isinstance(used, Pool):
                changes = used.changes
                _introduce(used, config)
            evidence = EvidenceFolder(config.data / "evidence")
            agent = Agent(session, dealer, prudence, workshop, wallet, kept, evidence, domain, changes)
            await _until_told(agent)


def pool(config: Config) -> Pool:
    """The devices that the configuration wants; a verifier's have one name."""
    budget = psutil.virtual_memory().total // 2 if config.warm_bytes is None else config.warm_bytes
    return Pool(
        lambda device: Renderer(config.blender, device=device.kind, card=device.id),
        config.device,
        budget,
        slots=config.slots,
        alike=config.verifier,
    )


def claim_all(config: Config) -> Iterator[tuple[store.JobRecord, bytes | None]]:
    """Collects every voucher that is not collected, ended jobs or not, one with each step. Blocks.

    Raises:
        TegulaError: among others ChainError, at the first claim that fails; what came before is paid.
    """
    keys = keyring.load_or_create(config.data)
    with store.opened(config.data) as kept:
        wallet = Wallet(kept, keys.payout, lambda address: _connect(config, address))
        for record in wallet.unclaimed():
            yield record, wallet.claim(record)


async def _about(config: Config) -> About:
    client = BlobClient(config.coordinator)
    try:
        about = await asyncio.to_thread(client.about)
    finally:
        client.close()
    if about.protocol != messages.PROTOCOL.decode():
        raise ConfigError(
            f"the coordinator speaks {about.protocol[:20]!r}, this worker {messages.PROTOCOL.decode()!r};"
            " use versions that fit"
        )
    if config.escrow not in (None, about.escrow):
        raise ConfigError(
            f"the coordinator pays from 0x{about.escrow.hex()}, which is not the escrow of the configuration"
        )
    return about


def _connect(config: Config, address: Address) -> Escrow:
    if not config.rpc:
        raise ChainError("no chain is known; name it: --rpc URL")
    return chain.Escrow.connect(config.rpc, address)


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
