"""Uploads in parts: by hand, and by the client over a connection that breaks off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from coordinator.house import AS_REQUESTER, DERIVE, TOKEN, House, house
from coordinator.playbook import ANN, BOB
from coordinator.served import served
from tegula_coordinator import bearer
from tegula_coordinator.access import Access
from tegula_coordinator.bearer import Scope, Token
from tegula_market import codec
from tegula_market.adapters import blobs
from tegula_market.adapters.blobs import Away, BlobClient, BlobError
from tegula_market.digests import digest

DATA = bytes(range(256)) * 3000
NAME = digest(DATA)
PLACE = f"/v1/blobs/{codec.encode(NAME)}/upload"


async def patch(
    it: House, offset: int, data: bytes, headers: dict[str, str] = AS_REQUESTER, length: int = len(DATA)
) -> httpx.Response:
    said = {**headers, "Upload-Offset": str(offset), "Upload-Length": str(length), "Tus-Resumable": "1.0.0"}
    return await it.client.patch(PLACE, content=data, headers=said)


async def offset(it: House, headers: dict[str, str] = AS_REQUESTER) -> str:
    answer = await it.client.head(PLACE, headers=headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return answer.headers["Upload-Offset"]


def test_an_upload_in_parts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            assert await offset(it) == "0"
            first = await patch(it, 0, DATA[:1000])
            assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
            wrong = await patch(it, 999, DATA[999:])
            assert (wrong.status_code, "1000 bytes of it are here" in wrong.json()["detail"]) == (409, True)
            assert await offset(it) == "1000"
            assert (await patch(it, 1000, DATA[1000:])).status_code == 204
            assert it.blobs.path(NAME).read_bytes() == DATA
            assert [entry.act for entry in it.audit.last(9)] == ["upload"]
            assert (await patch(it, 0, b"", length=10**6 + 1)).status_code == 413
            for said in ({}, {"Upload-Offset": "-1", "Upload-Length": "5"}, {"Upload-Offset": "0"}):
                answer = await it.client.patch(PLACE, content=b"", headers={**AS_REQUESTER, **said})
                assert answer.status_code == 422

    asyncio.run(scenario())


def test_each_token_has_its_own_part(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            secret = bearer.fresh()
            small = Token("small", frozenset({Scope.ORDER}), upload_bytes=10_000)
            it.tokens.add(small, bearer.digest_of(secret))
            ann, bob, limited = (
                {"Authorization": f"Bearer {each}"}
                for each in (DERIVE.blob_token(ANN), DERIVE.blob_token(BOB), secret)
            )
            assert (await patch(it, 0, bytes(3000), ann)).status_code == 204
            assert (await patch(it, 0, DATA[:2000], bob)).status_code == 204
            assert [await offset(it, each) for each in (ann, bob, AS_REQUESTER)] == ["3000", "2000", "0"]
            assert (await patch(it, 0, DATA[:9000], limited)).status_code == 204
            full = await patch(it, 9000, DATA[9000:11_000], limited)
            assert (full.status_code, "10000 bytes a day" in full.json()["detail"]) == (429, True)
            assert (await it.client.head(PLACE)).status_code == 401

    asyncio.run(scenario())


def test_tokens_of_the_file_have_their_own_parts_too(tmp_path: Path) -> None:
    """They share a name, and one must not spoil what another sends."""

    async def scenario() -> None:
        async with house(tmp_path, fixed=(TOKEN, "another-of-the-file")) as it, asyncio.timeout(60):
            another = {"Authorization": "Bearer another-of-the-file"}
            assert (await patch(it, 0, bytes(3000), another)).status_code == 204
            assert [await offset(it, each) for each in (another, AS_REQUESTER)] == ["3000", "0"]
            assert (await patch(it, 0, DATA)).status_code == 204
            assert it.blobs.path(NAME).read_bytes() == DATA

    asyncio.run(scenario())


@dataclass
class Wire:
    """Stands between: lets so many bytes through to the coordinator on each connection, then cuts it."""

    behind: str
    budgets: list[int]
    """Of the next connections; after them all goes through."""
    brought: list[int] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    ended: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = self.budgets.pop(0) if self.budgets else 1 << 40
        host, port = self.behind.removeprefix("http://").split(":")
        there, thither = await asyncio.open_connection(host, int(port))
        self.writers.append(writer)
        number = len(self.brought)
        self.brought.append(0)

        async def back() -> None:
            while data := await there.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.close()

        try:
            async with asyncio.TaskGroup() as tasks:
                answering = tasks.create_task(back())
                while budget > 0 and (data := await reader.read(min(1 << 14, budget))):
                    budget -= len(data)
                    self.brought[number] += len(data)
                    thither.write(data)
                    await thither.drain()
                answering.cancel()
        except* ConnectionError:
            pass  # the other side was quicker
        finally:
            for each in (thither, writer):
                each.transport.abort()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()
            self.ended.release()


@contextlib.asynccontextmanager
async def cutting(it: House, *budgets: int) -> AsyncIterator[tuple[str, Wire]]:
    async with served(it.app) as url:
        wire = Wire(url, list(budgets))
        listener = await asyncio.start_server(wire, "127.0.0.1", 0)
        async with listener:
            yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", wire
            for writer in wire.writers:
                writer.transport.abort()
                await wire.ended.acquire()


@pytest.fixture
def _unnoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first byte is read an upload is noted on the disk. Where that takes longer than a pause, the
    client asks how much came before any of what did is counted, and sends it again."""

    async def noted(*_: object) -> None:
        pass

    monkeypatch.setattr(Access, "note_upload", noted)


@pytest.mark.usefixtures("_unnoted")
def test_a_client_goes_on_where_it_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "PAUSES", (1.0, 5.0))
    monkeypatch.setattr(blobs, "RESUMABLE", len(DATA))
    (tmp_path / "scene").write_bytes(DATA)
    told: list[int] = []

    async def scenario() -> None:
        async with (
            asyncio.timeout(60),
            house(tmp_path) as it,
            cutting(it, 300_000, 250_000) as (url, wire),
        ):
            client = BlobClient(url, TOKEN, patience=20)
            assert await asyncio.to_thread(client.upload, tmp_path / "scene", None, told.append) == NAME
            assert it.blobs.path(NAME).read_bytes() == DATA
            assert len(wire.brought) == 3
            assert sum(wire.brought) < 1.1 * len(DATA)
            assert await asyncio.to_thread(client.upload, tmp_path / "scene") == NAME
            assert sum(wire.brought) < 1.1 * len(DATA)  # it was there
            client.close()

    asyncio.run(scenario())


@pytest.mark.usefixtures("_unnoted")
def test_patience_begins_anew_with_what_comes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload of an hour that is cut off every minute ends, too; one that never gets anywhere does not."""
    monkeypatch.setattr(blobs, "RESUMABLE", 1)
    monkeypatch.setattr(blobs, "PAUSES", (0.5, 0.5))
    (tmp_path / "scene").write_bytes(DATA)

    async def scenario() -> None:
        async with house(tmp_path) as it, asyncio.timeout(40):
            async with cutting(it, *[120_000] * 8) as (url, _):
                client = BlobClient(url, TOKEN, patience=2)
                await asyncio.to_thread(client.upload, tmp_path / "scene")
                client.close()
            (tmp_path / "other").write_bytes(DATA[::-1])
            async with cutting(it, *[100] * 50) as (url, _):
                client = BlobClient(url, TOKEN, patience=2)
                with pytest.raises(Away, match="no answer from"):
                    await asyncio.to_thread(client.upload, tmp_path / "other")
                client.close()

    asyncio.run(scenario())


def test_a_file_that_changed_meanwhile_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "RESUMABLE", 1)
    (tmp_path / "scene").write_bytes(DATA[:1000])

    async def scenario() -> None:
        async with house(tmp_path) as it, served(it.app) as url, asyncio.timeout(60):
            await patch(it, 0, DATA[:5000])
            client = BlobClient(url, TOKEN, patience=5)
            with pytest.raises(BlobError, match="scene has become shorter since its upload began"):
                await asyncio.to_thread(client.upload, tmp_path / "scene", NAME)
            client.close()

    asyncio.run(scenario())
