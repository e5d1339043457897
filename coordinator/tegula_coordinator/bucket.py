"""Blobs in a bucket of any S3-compatible store. Home of obstore.

An upload is spooled to a local file until its digest is known to be right, and then put: the store shows an
object when it is whole. So nothing is ever moved or copied there, and no half upload needs a name.
"""

import asyncio
import configparser
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from tegula_coordinator.blobs import IS_BLOB, BlobsAway, Download, NoSuchBlob, arrived, sweep
from tegula_coordinator.config import ConfigError
from tegula_market.adapters.bundles import Find
from tegula_market.model import Digest

if TYPE_CHECKING:
    from obstore import GetResult  # which is not there at run time

AT_ONCE = 32
"""Questions to the store at a time."""
NOT_THERE = FileNotFoundError, NotFoundError
MOST_KNOWN = 100_000
TRIES, TRYING = 3, timedelta(seconds=10)
"""How often a request is repeated, and for how long: then who asked hears of it, and asks again."""
CONNECT, REQUEST = timedelta(seconds=5), timedelta(minutes=5)
"""In which the store has to answer, and to be done with a request."""


class BlobBucket:
    def __init__(self, store: S3Store, scratch: Path, max_bytes: int) -> None:
        self._store = store
        self._scratch = scratch
        self._max_bytes = max_bytes
        self._known: set[Digest] = set()
        """Some of those that are there: whoever listens to workers must not wait for the store each time."""

    def begin(self) -> None:
        """
        Raises:
            BlobsAway: the store does not answer, or does not let us in.
        """
        sweep(self._scratch)
        self.check()

    def surely_has(self, digest: Digest) -> bool:
        return digest in self._known

    def has(self, digest: Digest) -> bool:
        if self.surely_has(digest):
            return True
        with _told("look for"):
            try:
                obstore.head(self._store, _key(digest))
            except NOT_THERE:
                return False
        self._know(digest)
        return True

    def missing(self, digests: Iterable[Digest]) -> list[Digest]:
        wanted = list(digests)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            there = list(pool.map(self.has, wanted))
        return [digest for digest, found in zip(wanted, there, strict=True) if not found]

    async def receive(self, digest: Digest, chunks: AsyncIterator[bytes]) -> None:
        async with arrived(self._scratch, digest, chunks, self._max_bytes) as incoming:
            await self.adopt(digest, incoming)

    async def adopt(self, digest: Digest, path: Path) -> None:
        with _told("store"):
            await obstore.put_async(self._store, _key(digest), path)
        await asyncio.to_thread(path.unlink)
        self._know(digest)

    def send(self, digest: Digest) -> Download:
        with _told("fetch"):
            try:
                found = obstore.get(self._store, _key(digest))
            except NOT_THERE as error:
                raise NoSuchBlob("no such blob here") from error
        return Download(found.meta["size"], _pieces(found))

    @contextmanager
    def at_hand(self, digests: Iterable[Digest]) -> Iterator[Find]:
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:  # where a kill's leftovers are swept
            folder = Path(name)
            for digest in set(digests):
                self._fetch(digest, folder / digest.hex())
            yield lambda digest: folder / digest.hex()

    def check(self) -> None:
        with _told("list"):
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def size(self) -> int:
        with _told("list"):
            return sum(found["size"] for page in obstore.list(self._store) for found in page)

    def older_than(self, moment: float) -> Iterator[Digest]:
        with _told("list"):
            for page in obstore.list(self._store):
                for found in page:
                    old = found["last_modified"].timestamp() < moment
                    if old and IS_BLOB.fullmatch(found["path"]):
                        yield Digest(bytes.fromhex(found["path"]))

    def remove(self, digest: Digest) -> None:
        self._known.discard(digest)
        with _told("remove"), suppress(*NOT_THERE):
            obstore.delete(self._store, _key(digest))

    def _know(self, digest: Digest) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(digest)

    def _fetch(self, digest: Digest, path: Path) -> None:
        with _told("fetch"):
            try:
                found = obstore.get(self._store, _key(digest))
            except NOT_THERE:
                return
            with path.open("wb") as file:
                for piece in found.stream():
                    file.write(piece)


def connect(url: str, endpoint: str, region: str, credentials: Path | None) -> S3Store:
    """Asks nothing yet.

    Args:
        url: s3://BUCKET/PREFIX.
        endpoint: of a store that is not Amazon's, http or https.
        credentials: as the AWS command keeps them; None for what the environment or the machine's role says.
    Raises:
        ConfigError: no such URL, or no credentials in the file.
    """
    settings = {"region": region, **({"endpoint": endpoint} if endpoint else {})}
    if credentials is not None:
        settings |= _keys(credentials)
    try:
        return S3Store.from_url(
            url,
            config=settings,  # type: ignore[arg-type]
            retry_config={"max_retries": TRIES, "retry_timeout": TRYING},
            client_options={
                "connect_timeout": CONNECT,
                "timeout": REQUEST,
                "allow_http": endpoint.startswith("http:"),
            },
        )
    except (BaseError, ValueError) as error:
        raise ConfigError(f"blobs: cannot use {url}: {error}") from error


def _keys(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open() as file:
            parser.read_file(file)
        found = parser["default"]
        return {name: found[f"aws_{name}"] for name in ("access_key_id", "secret_access_key")}
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        raise ConfigError(
            f"cannot read S3 credentials from {path}: want a section [default] with aws_access_key_id and"
            " aws_secret_access_key"
        ) from error


def _key(digest: Digest) -> str:
    return digest.hex()


async def _pieces(found: "GetResult") -> AsyncIterator[bytes]:
    with _told("fetch"):
        async for piece in found.stream():
            yield bytes(piece)


@contextmanager
def _told(act: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise BlobsAway(f"cannot {act} blobs in the S3 store; is it there? {error}") from error
