"""The running coordinator: opens everything, keeps it going in one task group, ends it in order."""

import asyncio
import gc
import json
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvicorn

from tegula_coordinator import deployment, depot, draining, scribe, tiles, tokens
from tegula_coordinator.access import Access
from tegula_coordinator.archivist import Archivist
from tegula_coordinator.blobs import Blobs
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.config import Config, ConfigError
from tegula_coordinator.court import Court
from tegula_coordinator.dashboard.operator_api import Office
from tegula_coordinator.dashboard.previews import Previews
from tegula_coordinator.dashboard.purses import Purses
from tegula_coordinator.derive import Derive
from tegula_coordinator.desk import Desk
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.http_api import create_app
from tegula_coordinator.jury import Setting
from tegula_coordinator.lookout import Lookout
from tegula_coordinator.metrics import Metrics
from tegula_coordinator.notary import Notary
from tegula_coordinator.observer import Observer
from tegula_coordinator.partials import Partials
from tegula_coordinator.readiness import Readiness
from tegula_coordinator.relay import Relay
from tegula_coordinator.retention import Sweeper
from tegula_coordinator.router import Floor
from tegula_coordinator.sign_in import SignIn
from tegula_coordinator.store import AuditLog, EventLog, TokenTable
from tegula_market import codec
from tegula_market.adapters import chain, devkeys, scraping, signing, wire
from tegula_market.adapters.chain import Dispatch
from tegula_market.model import ETHER

GRACEFUL_SECONDS = 1
"""For requests in flight at the end; those that wait for events are answered, and clients ask again."""
LISTEN_SECONDS = 5.0
"""In which an address that is taken may become free."""

FULL_COLLECTION = 100
"""After so many collections of garbage that is not quite new, all of it is looked for; Python has ten.
With a busy market's book that takes 0.2 s, in which nobody is heard, and finds a dozen objects: so said
`gc.callbacks` in a coordinator that bench/load.py had loaded."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Signals are the service's business: it has more to end than HTTP."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(config: Config) -> None:
    """Runs until SIGTERM or SIGINT, of which the first lets leases under way come to an end.

    Raises:
        ConfigError, StoreError, ChainError: it cannot start; the message says what to change.
    """
    new, old, _ = gc.get_threshold()
    gc.set_threshold(new, old, FULL_COLLECTION)
    config.data.mkdir(parents=True, exist_ok=True)
    curve = wire.CurveKeys.of_secret(_secret(config.curve_key_file))
    key = signing.load_key(config.key_file)
    # Before it leads: one that stands by would end over a bad file when it is needed.
    fixed = frozenset() if config.tokens_file is None else tokens.read(config.tokens_file)
    operator = "" if config.operator_token_file is None else tokens.operators(config.operator_token_file)
    dispatch = Dispatch.lasting(config.data, config.max_fee_per_gas)
    escrow = await asyncio.to_thread(_escrow, config, dispatch)
    if config.arbiter == key.address:
        raise ConfigError("arbiter: name somebody else than the coordinator, whose roots it is to judge")
    devkeys.refuse_elsewhere(key.address, escrow.domain.chain_id)  # it signs vouchers, too
    relay = await asyncio.to_thread(Relay.open, escrow, key, config.currency)
    derive = Derive(curve.secret)
    book = Book(tiles.sizes, Timing(config.call_seconds, config.lease_seconds))
    async with AsyncExitStack() as stack:
        events = stack.enter_context(closing(EventLog(config.database_url)))
        metrics = Metrics()
        keeper = Bookkeeper(book, events, metrics)
        await keeper.lead()  # whatever is another's while it leads is touched after this only
        blobs = await asyncio.to_thread(_blobs, config)
        router = await _soon(lambda: stack.enter_async_context(wire.router(config.router, curve)))
        contact = {
            "router": config.public_router or router.endpoint,
            "curve_key": codec.encode(curve.public),
            "arbiter": codec.encode(config.arbiter),
        }
        kept = EvidenceFolder(config.data / "evidence", blobs)
        previews = Previews(config.data / "previews", blobs)
        desk = Desk(keeper, blobs, kept, escrow, key, contact)
        table = stack.enter_context(closing(TokenTable(config.database_url)))
        audit = stack.enter_context(closing(AuditLog(config.database_url)))
        sign_in = SignIn(config, escrow.domain.chain_id, derive, escrow)
        access = Access(
            fixed,
            table,
            audit,
            derive,
            book.banned.__contains__,
            sign_in.token_of,
            config.sign_in_all_upload_bytes,
        )
        partials = Partials(depot.partials(config), blobs, config.max_blob_bytes)
        office = Office(
            keeper,
            previews,
            Purses(escrow),
            Readiness(book, events, blobs, escrow),
            config.data,
            config.explorer.rstrip("/"),
            operator,
        )
        setting = Setting(depot.where(config), str(config.data / "evidence"), escrow.domain)
        court = Court(setting, derive)
        floor = Floor(router, keeper, blobs, court, derive, escrow.domain, config)
        listener = stack.enter_context(closing(await _soon(lambda: asyncio.to_thread(_bound, config.http))))
        server = _Server(
            uvicorn.Config(
                create_app(desk, relay, office, access, partials, sign_in),
                log_config=None,
                lifespan="off",
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
            )
        )
        notary = Notary(keeper, escrow, relay, key, desk.presence, config.root_after_seconds)
        watcher = await asyncio.to_thread(escrow.watcher, config.data / "events.db")
        lookout = Lookout(keeper, relay, watcher)
        sweeper = Sweeper(
            book,
            escrow.account,
            blobs,
            kept,
            previews,
            desk.told,
            partials,
            config.retention_days,
            keeper.post,
        )
        archivist = Archivist(keeper, events, scribe.Setting.of(config), config.keep_log_days)
        stack.enter_context(scraping.served(metrics.registry, config.metrics))
        observer = Observer(metrics, book, blobs, office.readiness, config.data)
        working = [
            keeper.stay, keeper.tidy, floor.listen, floor.watch, floor.judge, relay.settle, notary.watch,
            lookout.watch, sweeper.watch, archivist.watch, *([observer.watch] if config.metrics else []),
        ]  # fmt: skip
        await _run(keeper, floor, working, server, listener, router.endpoint, config.drain_seconds)


async def _run(
    keeper: Bookkeeper,
    floor: Floor,
    others: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    server: uvicorn.Server,
    listener: socket.socket,
    endpoint: str,
    drain_seconds: float,
) -> None:
    stop, hurry = _signals()
    host, port = listener.getsockname()[:2]
    async with asyncio.TaskGroup() as tasks:
        working = [
            tasks.create_task(keeper.keep(floor.carry_out)),
            *(tasks.create_task(other()) for other in others),
        ]
        serving = tasks.create_task(server.serve(sockets=[listener]))
        print(json.dumps({"http": f"http://{host}:{port}", "router": endpoint}), flush=True)  # noqa: T201 the result
        log.info("coordinator serves", http=f"http://{host}:{port}", router=endpoint)
        await stop.wait()
        left = await draining.drain(keeper, hurry, drain_seconds)
        log.info("coordinator ends", under_way=left)
        keeper.release()
        server.should_exit = True
        await serving
        for task in working:
            task.cancel()


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set by the first SIGTERM or SIGINT, and by the second."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled)
    return stop, hurry


async def _soon(listen: Callable[[], Awaitable[T]]) -> T:
    """Tries for a while: who led before may be on this machine, and still about to end."""
    until = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            return await listen()
        except (ConfigError, wire.NotBound):
            if time.monotonic() > until:
                raise
        await asyncio.sleep(LISTEN_SECONDS / 50)


def _escrow(config: Config, dispatch: Dispatch) -> chain.Escrow:
    """Blocks."""
    address = config.escrow if config.escrow != ETHER else deployment.known_escrow(config.rpc)
    return chain.Escrow.connect(config.rpc, address, dispatch)


def _blobs(config: Config) -> Blobs:
    """Blocks."""
    blobs = depot.opened(depot.where(config))
    blobs.begin()
    return blobs


def _bound(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        listener = socket.create_server((host, int(port)))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot serve HTTP on {address}: {error}") from error
    # What it accepts is so, too. asyncio does it only for sockets that name their protocol, and those of
    # create_server do not; then a body waits 40 ms behind its head, for an ACK that is delayed (Nagle).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text().strip().removeprefix("0x"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the CURVE secret from {path}; make one with `keys`") from error
    if len(secret) != 32:
        raise ConfigError(f"{path} holds {len(secret)} bytes, not a CURVE secret of 32; make one with `keys`")
    return secret
