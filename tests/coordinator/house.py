"""A coordinator without workers, over real HTTP messages, on a real book, log and blob folder."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from coordinator.playbook import ANN, JUDGE, joined, judged, result
from orders import an_order
from tegula_coordinator import events, tiles
from tegula_coordinator.access import Access
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.book import Book, Timing
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import Command
from tegula_coordinator.config import Config
from tegula_coordinator.dashboard.operator_api import Office
from tegula_coordinator.dashboard.previews import Previews
from tegula_coordinator.dashboard.purses import Purses
from tegula_coordinator.derive import Derive
from tegula_coordinator.desk import Desk
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.http_api import create_app
from tegula_coordinator.notary import Notary
from tegula_coordinator.partials import Partials
from tegula_coordinator.readiness import Readiness
from tegula_coordinator.relay import Relay
from tegula_coordinator.retention import Told
from tegula_coordinator.sign_in import SignIn
from tegula_coordinator.store import AuditLog, EventLog, TokenTable
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import chain, signing
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    Order,
    Outcome,
    SceneFile,
    SceneManifest,
    Terms,
    Wei,
    lease_id,
)
from tegula_market.vouchers import Domain

DOMAIN = Domain(31337, Address(b"\x0e" * 20))
COORDINATOR, SESSION = signing.Key.generate(), signing.Key.generate()
TOKEN, DERIVE = "a-requesters-token", Derive(b"k" * 32)
OPERATOR = "the-operators-token"
AS_OPERATOR = {"Authorization": f"Bearer {OPERATOR}"}
AS_REQUESTER = {"Authorization": f"Bearer {TOKEN}"}
CONFIG = Config("http://nowhere", Path("none"), Path("none"), public_http="http://it", sign_in=True)
BLEND = b"BLENDER and so on"
MANIFEST = SceneManifest("scene.blend", (SceneFile("scene.blend", digest(BLEND), len(BLEND)),))


class Deposits:
    """Stands in for the escrow: holds what a test put there."""

    domain = DOMAIN

    def __init__(self) -> None:
        self.of: dict[JobId, int] = {}

    def account(self, job: JobId) -> chain.Account:
        status = chain.Status.OPEN if job in self.of else chain.Status.NONE
        return chain.Account(Wei(self.of.get(job, 0)), Wei(0), status)

    def approves(self, _account: Address, _digest: bytes, _signature: bytes) -> bool:
        return False

    def balance(self, _token: Address, _owner: Address) -> Wei:
        return Wei(5 * 10**17)

    def describe(self, _token: Address) -> tuple[str, int]:
        return "USDX", 6

    def deposits(self, job: JobId) -> list[chain.Deposit]:
        return [chain.Deposit(Wei(self.of[job]), bytes(range(32)))] if job in self.of else []

    def payments(self, _job: JobId) -> list[chain.Payment]:
        return []

    def returned(self, _job: JobId) -> list[chain.Returned]:
        return []


class House:
    """A client of the API, and the bookkeeper for what workers would bring."""

    def __init__(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        keeper: Bookkeeper,
        kept: EvidenceFolder,
        deposits: Deposits,
        domain: Domain,
        notary: Notary,
        log: EventLog,
        blobs: BlobFolder,
        tokens: TokenTable,
        audit: AuditLog,
        told: Told,
    ) -> None:
        self.told = told
        self.app, self.tokens, self.audit = app, tokens, audit
        self.log, self.blobs = log, blobs
        self.client, self.keeper, self.kept, self.deposits, self.domain, self.notary = (
            client, keeper, kept, deposits, domain, notary,
        )  # fmt: skip
        self.commands: list[Command] = []
        self.as_requester = AS_REQUESTER

    async def upload(self, data: bytes) -> None:
        answer = await self.client.put(
            f"/v1/blobs/{codec.encode(digest(data))}", content=data, headers=self.as_requester
        )
        assert answer.status_code == 201, answer.text

    async def order(self, order: Order, signer: signing.Key = SESSION) -> httpx.Response:
        payload = vouchers.order_payload(self.domain, chain.job_id(order.terms), digest(codec.dumps(order)))
        body = {"order": codec.encode(order), "signature": codec.encode(signing.sign(payload, signer))}
        return await self.client.post("/v1/jobs", json=body, headers=self.as_requester)

    async def upload_scene(self) -> None:
        await self.upload(BLEND)
        await self.upload(codec.dumps(MANIFEST))

    async def open(self, order: Order) -> JobId:
        await self.upload_scene()
        self.deposits.of[chain.job_id(order.terms)] = auction.most(tiles.sizes(order), order.ceiling)
        answer = await self.order(order)
        assert answer.status_code == 201, answer.text
        return chain.job_id(order.terms)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path, headers=self.as_requester)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.as_requester)


@contextlib.asynccontextmanager
async def house(
    folder: Path,
    escrow: chain.Escrow | None = None,
    currency: chain.Token | None = None,
    key: signing.Key = COORDINATOR,
    root_after: float = 0,
    log: EventLog | None = None,
    operator: str = OPERATOR,
    fixed: Sequence[str] = (TOKEN,),
    config: Config = CONFIG,
) -> AsyncIterator[House]:
    """
    Args:
        escrow: a real one, instead of one that holds what a test puts there.
        currency: that deposits are relayed in.
        root_after: seconds of silence.
        log: one that was there before; it is the caller's to close.
        operator: the operator's token; empty for none.
        fixed: the tokens of tokens_file.
        config: for sign-ins; of the rest nothing is looked at.
    """
    url = f"sqlite:///{folder / 'book.db'}"
    with closing(EventLog(url)) as new, closing(TokenTable(url)) as tokens, closing(AuditLog(url)) as audit:
        kept = folder, escrow, currency, key, root_after, log or new, operator, fixed, config, tokens, audit
        async with _living_in(*kept) as made:
            yield made


async def _ended(_response: httpx.Response) -> None:
    """Requests run in the task of whoever asks here: if that was cancelled, it was not only the request."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextlib.asynccontextmanager
async def _living_in(
    folder: Path,
    escrow: chain.Escrow | None,
    currency: chain.Token | None,
    key: signing.Key,
    root_after: float,
    log: EventLog,
    operator: str,
    fixed: Sequence[str],
    config: Config,
    tokens: TokenTable,
    audit: AuditLog,
) -> AsyncIterator[House]:
    keeper = Bookkeeper(Book(tiles.sizes, Timing(call_seconds=0.001, lease_seconds=100)), log)
    await keeper.lead()
    deposits = Deposits()
    blobs = BlobFolder(folder / "blobs", 10**6)
    blobs.begin()
    kept = EvidenceFolder(folder / "evidence", blobs)
    asked: Any = escrow or deposits
    desk = Desk(keeper, blobs, kept, asked, key, {"router": "tcp://x"})
    relay = Relay(asked, key, currency)
    notary = Notary(keeper, asked, relay, key, desk.presence, root_after)
    readiness = Readiness(keeper.book, log, blobs, asked)
    office = Office(
        keeper, Previews(folder / "previews", blobs), Purses(asked), readiness, folder, token=operator
    )
    partials = Partials(folder / "blobs" / "partial", blobs, 10**6)
    sign_in = SignIn(config, asked.domain.chain_id, DERIVE, asked)
    access = Access(
        fixed,
        tokens,
        audit,
        DERIVE,
        keeper.book.banned.__contains__,
        sign_in.token_of,
        config.sign_in_all_upload_bytes,
    )
    app = create_app(desk, relay, office, access, partials, sign_in)
    transport = httpx.ASGITransport(app)
    async with (
        asyncio.TaskGroup() as tasks,
        httpx.AsyncClient(
            transport=transport, base_url="http://it", event_hooks={"response": [_ended]}
        ) as client,
    ):
        made = House(
            app, client, keeper, kept, deposits, asked.domain, notary, log, blobs, tokens, audit, desk.told
        )

        async def carry_out(command: Command) -> None:
            made.commands.append(command)

        keeping = tasks.create_task(keeper.keep(carry_out))
        yield made
        keeping.cancel()


def an_honest_order(**changes: Any) -> Order:
    terms = Terms(
        Address(b"\x01" * 20),
        SESSION.address,
        COORDINATOR.address,
        Address(b"\x04" * 20),
        int(time.time()) + 1000,
        3600,
        bytes(32),
    )
    return replace(an_order(manifest=digest(codec.dumps(MANIFEST))), terms=replace(terms, **changes))


Scenario = Callable[[House], Coroutine[Any, Any, None]]
Act = Callable[[Scenario], None]


def acting(folder: Path) -> Act:
    """Plays scenarios, each in a house of its own in that folder."""

    async def run(scenario: Scenario) -> None:
        async with house(folder) as made, asyncio.timeout(60):
            await scenario(made)

    return lambda scenario: asyncio.run(run(scenario))


async def render(it: House, job: JobId) -> int:
    """What workers and the verifier would do; what Ann is owed in the end."""
    for unit in range(4):
        await deliver(it, job, unit)
        await accept(it, job, unit)
    (owed,) = (await it.get(f"/v1/jobs/{codec.encode(job)}"))["owed"]
    return int(owed["cumulative"])


async def deliver(it: House, job: JobId, unit: int) -> None:
    now = time.time()
    if unit == 0:
        for worker in (ANN, JUDGE):
            await it.keeper.record(joined(worker))
        await it.keeper.record(events.AskArrived(now, Ask(ANN, job, Wei(40), 1, 2_000_000_000), warm=False))
        await it.keeper.record(events.CallEnded(now, job))
    lot = Digest(bytes(32))
    await it.keeper.record(events.ResultArrived(now, ANN, result(lease_id(job, unit, 1)), lot))


async def accept(it: House, job: JobId, unit: int) -> None:
    lease = lease_id(job, unit, 1)
    verdict = replace(judged(0, Outcome.ACCEPTED).verdict, lease=lease)  # type: ignore[union-attr]
    await it.keeper.record(events.Judged(time.time(), verdict, (), it.keeper.book.probers[lease].number, ()))
