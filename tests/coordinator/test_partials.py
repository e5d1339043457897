import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tegula_coordinator.blobs import BlobFolder, BlobsAway, TooLarge, WrongDigest
from tegula_coordinator.partials import Partials, WrongOffset
from tegula_market.digests import digest

DATA = bytes(range(256)) * 400
WHOLE = len(DATA)
NAME = digest(DATA)


class Cut(Exception):
    """What a connection that breaks off looks like."""


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    made = BlobFolder(tmp_path / "blobs", 10**6)
    made.begin()
    return made


@pytest.fixture
def partials(tmp_path: Path, blobs: BlobFolder) -> Partials:
    return Partials(tmp_path / "blobs" / "partial", blobs, 10**6)


async def pieces(data: bytes, cut: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]
    if cut:
        raise Cut


def send(partials: Partials, start: int, end: int, *, sender: bytes = b"ann", cut: bool = False) -> int:
    return asyncio.run(partials.append(sender, NAME, start, WHOLE, pieces(DATA[start:end], cut)))


def test_what_was_cut_off_goes_on(partials: Partials, blobs: BlobFolder, tmp_path: Path) -> None:
    assert partials.offset(b"ann", NAME) == 0
    with pytest.raises(Cut):
        send(partials, 0, 5500, cut=True)
    assert partials.offset(b"ann", NAME) == 5500
    again = Partials(tmp_path / "blobs" / "partial", blobs, 10**6)  # after a restart
    blobs.begin()
    assert send(again, 5500, 7000) == 7000
    assert not blobs.has(NAME)
    assert send(again, 7000, WHOLE) == WHOLE
    assert blobs.path(NAME).read_bytes() == DATA
    assert partials.offset(b"ann", NAME) == 0
    assert list((tmp_path / "blobs" / "partial").iterdir()) == []


def test_what_does_not_follow_is_told_where_to_go_on(partials: Partials) -> None:
    send(partials, 0, 5000)
    for start in (0, 4999, 5001):
        with pytest.raises(WrongOffset, match="5000 bytes of it are here; go on from there"):
            send(partials, start, 6000)
    with pytest.raises(WrongOffset, match="more came than"):
        asyncio.run(partials.append(b"ann", NAME, 5000, 5500, pieces(DATA[5000:6001])))
    assert partials.offset(b"ann", NAME) == 5000


def test_nobody_spoils_what_another_sends(partials: Partials, blobs: BlobFolder) -> None:
    asyncio.run(partials.append(b"mallory", NAME, 0, WHOLE, pieces(bytes(5000))))
    assert partials.offset(b"ann", NAME) == 0
    send(partials, 0, WHOLE)
    assert blobs.path(NAME).read_bytes() == DATA
    assert asyncio.run(partials.append(b"mallory", NAME, 5000, WHOLE, pieces(b""))) == WHOLE
    assert partials.offset(b"mallory", NAME) == 0
    assert blobs.path(NAME).read_bytes() == DATA


def test_other_bytes_than_the_digest_says_are_thrown_away(partials: Partials, blobs: BlobFolder) -> None:
    with pytest.raises(WrongDigest, match="send them again"):
        asyncio.run(partials.append(b"ann", NAME, 0, WHOLE, pieces(bytes(WHOLE))))
    assert (partials.offset(b"ann", NAME), blobs.has(NAME)) == (0, False)


def test_more_than_a_blob_may_have_is_refused_unread(partials: Partials) -> None:
    with pytest.raises(TooLarge, match="1000000 bytes at most"):
        asyncio.run(partials.append(b"ann", NAME, 0, 10**6 + 1, pieces(DATA)))
    assert partials.offset(b"ann", NAME) == 0


def test_an_empty_blob_is_one_too(partials: Partials, blobs: BlobFolder) -> None:
    assert asyncio.run(partials.append(b"ann", digest(b""), 0, 0, pieces(b""))) == 0
    assert blobs.has(digest(b""))


def test_who_comes_again_takes_over_from_a_connection_that_hangs(
    partials: Partials, blobs: BlobFolder
) -> None:
    async def scenario() -> None:
        waiting, hanging = asyncio.Event(), asyncio.Event()

        async def stuck() -> AsyncIterator[bytes]:
            yield DATA[:3000]
            waiting.set()
            await hanging.wait()
            yield DATA[3000:4000]

        async with asyncio.TaskGroup() as tasks:
            old = tasks.create_task(_refused(partials.append(b"ann", NAME, 0, WHOLE, stuck())))
            await waiting.wait()
            await partials.append(b"ann", NAME, 3000, WHOLE, pieces(DATA[3000:5000]))
            new = tasks.create_task(partials.append(b"ann", NAME, 5000, WHOLE, pieces(DATA[5000:])))
            hanging.set()
            assert "goes on" in await old
            assert await new == WHOLE

    asyncio.run(scenario())
    assert blobs.path(NAME).read_bytes() == DATA


async def _refused(sending: Coroutine[Any, Any, int]) -> str:
    with pytest.raises(WrongOffset) as caught:
        await sending
    return str(caught.value)


def test_nothing_is_added_to_what_is_being_made_a_blob(
    partials: Partials, blobs: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing, hashed = threading.Event(), threading.Event()

    def slowly(path: Path) -> bytes:
        hashing.set()
        hashed.wait(10)
        return digest(path.read_bytes())

    monkeypatch.setattr("tegula_coordinator.partials._digest_of", slowly)

    async def more(drawn: asyncio.Event) -> AsyncIterator[bytes]:
        drawn.set()
        yield b"more"

    async def scenario() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            first = tasks.create_task(partials.append(b"ann", NAME, 0, WHOLE, pieces(DATA)))
            await asyncio.to_thread(hashing.wait, 10)
            assert partials.offset(b"ann", NAME) == WHOLE
            drawn = asyncio.Event()
            late = tasks.create_task(partials.append(b"ann", NAME, WHOLE, WHOLE + 100, more(drawn)))
            with suppress(TimeoutError):
                await asyncio.wait_for(drawn.wait(), 0.1)
            hashed.set()
            assert await first == WHOLE
            await late
        assert not drawn.is_set()

    asyncio.run(scenario())
    assert blobs.path(NAME).read_bytes() == DATA


def test_what_was_claimed_before_the_end_is_not_added_after_it(partials: Partials, blobs: BlobFolder) -> None:
    """A request that goes on with a file while the one before it is at its end is the only one that may."""

    async def scenario() -> None:
        at_end, both = asyncio.Event(), asyncio.Event()

        async def lingering() -> AsyncIterator[bytes]:
            yield DATA
            at_end.set()
            await both.wait()

        async def more() -> AsyncIterator[bytes]:
            both.set()
            await asyncio.sleep(0.05)
            yield b"more"

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_refused(partials.append(b"ann", NAME, 0, WHOLE, lingering())))
            await at_end.wait()
            await partials.append(b"ann", NAME, WHOLE, WHOLE + 100, more())
            assert "goes on" in await first
        assert not blobs.has(NAME)

    asyncio.run(scenario())


def test_blobs_that_are_away_cost_no_bytes(
    partials: Partials, blobs: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise BlobsAway("not now")

    with monkeypatch.context() as patched:
        patched.setattr(blobs, "adopt", away)
        with pytest.raises(BlobsAway):
            send(partials, 0, WHOLE)
    assert partials.offset(b"ann", NAME) == WHOLE
    assert send(partials, WHOLE, WHOLE) == WHOLE
    assert blobs.path(NAME).read_bytes() == DATA


def test_there_is_no_file_without_bytes(partials: Partials, tmp_path: Path) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    async def refused() -> AsyncIterator[bytes]:
        raise Cut
        yield b""

    with pytest.raises(WrongOffset, match="0 bytes of it are here"):
        send(partials, 5, 10)
    with pytest.raises(Cut):
        asyncio.run(partials.append(b"ann", NAME, 0, WHOLE, refused()))
    assert asyncio.run(partials.append(b"ann", NAME, 0, WHOLE, nothing())) == 0
    assert list((tmp_path / "blobs" / "partial").iterdir()) == []


def test_who_asks_for_the_end_twice_gets_it_once(partials: Partials, blobs: BlobFolder) -> None:
    """As a client does that waited too long for a large file to be hashed."""

    async def scenario() -> list[int]:
        await partials.append(b"ann", NAME, 0, WHOLE, pieces(DATA[:-1]))
        part = next((blobs.path(NAME).parent.parent / "partial").iterdir())
        with part.open("ab") as file:
            file.write(DATA[-1:])  # all of it came, and what made it a blob was not waited for
        return await asyncio.gather(
            *(partials.append(b"ann", NAME, WHOLE, WHOLE, pieces(b"")) for _ in range(3))
        )

    assert asyncio.run(scenario()) == [WHOLE] * 3
    assert blobs.path(NAME).read_bytes() == DATA


def test_what_nobody_goes_on_with_is_swept(partials: Partials, tmp_path: Path) -> None:
    send(partials, 0, 5000)
    (part,) = (tmp_path / "blobs" / "partial").iterdir()
    now = time.time()
    assert partials.sweep(now - 60) == 0
    os.utime(part, (now - 61, now - 61))
    assert partials.sweep(now - 60) == 1
    assert partials.offset(b"ann", NAME) == 0


def test_one_that_vanishes_does_not_end_the_sweep(
    partials: Partials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(partials, 0, 5000)
    folder, listed = tmp_path / "blobs" / "partial", Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: [folder / "gone.part", *listed(path)])
    assert partials.sweep(time.time() + 60) == 1
