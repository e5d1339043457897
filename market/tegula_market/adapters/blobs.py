"""Home of requests in the market: a coordinator's HTTP side as a worker sees it, which is its blobs.

Every request can be sent again without harm, so a coordinator that is away is asked again with growing
pauses for a bounded time. Calls block; a program with an event loop makes them in a thread.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import requests
from requests.auth import AuthBase

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest, digest_of
from tegula_market.model import Address, Digest, LeaseId, TegulaError, lease_parts

T = TypeVar("T")

TIMEOUTS = 5.0, 30.0
"""Seconds to connect, and to wait for the next bytes."""
PAUSES = 0.1, 5.0
"""First and longest pause before a request is sent again; each is twice the one before."""
PASSING = frozenset({409, 429, 502, 503, 504})
"""Answers that pass: a busy coordinator, a reverse proxy in front of one that restarts, or one that has less
of an upload than it said. So does any of 5xx without a sentence: a proxy's word, or one that broke off."""
RESUMABLE = 8 << 20
"""Bytes from which on an upload goes on where it was cut off; of a smaller one little is lost."""
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
TOO_EARLY = 425
CONNECTION_FAULTS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
MANY_DIGESTS = 10_000
"""Asked for in one request; a coordinator takes no more."""
PIECE = 1 << 20
LONGEST_SENTENCE = 500


class BlobError(TegulaError):
    """A blob was not moved; the message says why."""


class NotYet(BlobError):
    """What was asked for can be had later."""


class Away(BlobError):
    """Nobody answered within the patience that there was.

    Attributes:
        retry_after: seconds for which the coordinator asks to be left alone; 0 if it said nothing.
    """

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class About:
    """What a coordinator says of itself to anyone."""

    protocol: str
    coordinator: Address
    chain_id: int
    escrow: Address
    router: str
    curve_key: bytes


def bear(token: str | AuthBase, session: requests.Session) -> None:
    """Has it go with each request: a bearer token, or what knows one at any time."""
    if isinstance(token, str):
        # As bytes: it is what somebody has pasted, or a coordinator's word, and text must fit into latin-1.
        session.headers["Authorization"] = f"Bearer {token}".encode()
    else:
        session.auth = token


class BlobClient:
    """
    Args:
        patience: seconds for which a request is sent again while nobody answers, from the first fault on.
    """

    def __init__(self, base_url: str, token: str | AuthBase = "", patience: float = 30.0) -> None:
        self._url = base_url.rstrip("/")
        self._patience = patience
        self._closed = threading.Event()
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "identity"  # a few bytes must not unpack to gigabytes
        self._session.trust_env = False  # a .netrc must not replace the token, a proxy must not see it
        if token:
            bear(token, self._session)

    def close(self) -> None:
        """Give up; calls in other threads end with BlobError."""
        self._closed.set()
        self._session.close()

    def about(self) -> About:
        raw = self._json("GET", "/v1/about")
        known = [field.name for field in fields(About)]  # a newer coordinator may say more
        return _decoded(About, {name: raw[name] for name in known if name in raw})

    def date(self) -> int | None:
        """The coordinator's clock in Unix seconds, rounded down; None if its answers bear no date."""
        with closing(self._patiently(lambda: self._send("GET", "/v1/about"))) as response:
            said = response.headers.get("Date", "")
        try:
            return int(parsedate_to_datetime(said).timestamp())
        except (ValueError, OverflowError):
            return None

    def missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        """Those of `digests` that the coordinator does not have."""
        found: list[Digest] = []
        for start in range(0, len(digests), MANY_DIGESTS):
            asked = [codec.encode(wanted) for wanted in digests[start : start + MANY_DIGESTS]]
            raw = self._json("POST", "/v1/blobs/missing", json={"digests": asked})
            found += _decoded(tuple[Digest, ...], raw.get("missing"))
        return tuple(found)

    def fetch(self, wanted: Digest, path: Path, max_bytes: int) -> None:
        """The blob as a file that appears whole or not at all.

        Raises:
            BlobError: not there, not reachable, larger than `max_bytes`, or not what its digest says.
        """

        def attempt() -> None:
            with closing(self._send("GET", _path(wanted), stream=True)) as response:
                _keep(self._pieces(response, max_bytes), path, wanted)

        self._patiently(attempt)

    def fetch_evidence(self, lease: LeaseId, path: Path, max_bytes: int) -> None:
        """The bundle of a verdict as a file that appears whole or not at all.

        Raises:
            NotYet: others could still gain by it.
            BlobError: there is none, or as `fetch`.
        """
        job, unit, attempt_number = lease_parts(lease)
        place = f"/v1/jobs/{codec.encode(job)}/units/{unit}/attempts/{attempt_number}/evidence"

        def attempt() -> None:
            with closing(self._send("GET", place, stream=True)) as response:
                _keep(self._pieces(response, max_bytes), path)

        self._patiently(attempt)

    def upload(self, path: Path, known: Digest | None = None, tell: Callable[[int], object] = id) -> Digest:
        """
        Args:
            known: the file's digest, if it was computed already.
            tell: takes the bytes that are sent, with every megabyte; less than before if some are sent again.
        """
        try:
            with path.open("rb") as file:
                name = known or digest_of(iter(lambda: file.read(PIECE), b""))
        except OSError as error:
            raise BlobError(f"cannot read what is to be uploaded: {error}") from error

        def attempt() -> None:
            with path.open("rb") as file:
                self._send("PUT", _path(name), data=_Told(file, tell)).close()

        if path.stat().st_size >= RESUMABLE:
            self._go_on(path, name, tell)
        else:
            self._patiently(attempt)
        return name

    def upload_bytes(self, data: bytes) -> Digest:
        name = digest(data)
        self._patiently(lambda: self._send("PUT", _path(name), data=data).close())
        return name

    def _go_on(self, path: Path, name: Digest, tell: Callable[[int], object]) -> None:
        """By tus 1.0.0. Patience begins anew whenever the coordinator has got more of it meanwhile."""
        place, here = f"{_path(name)}/upload", 0

        def attempt() -> None:
            nonlocal here
            body = {"digests": [codec.encode(name)]}
            if not _parsed(self._send("POST", "/v1/blobs/missing", json=body)).get("missing"):
                return
            with closing(self._send("HEAD", place)) as response:
                here = _offset(response)
            with path.open("rb") as file:
                if file.seek(here) > os.fstat(file.fileno()).st_size:
                    raise BlobError(f"{path} has become shorter since its upload began; begin anew")
                told = _Told(file, tell)
                headers = {**TUS, "Upload-Offset": str(here), "Upload-Length": str(here + len(told))}
                self._send("PATCH", place, data=told, headers=headers).close()

        self._patiently(attempt, lambda: here)

    def _json(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        raw = self._patiently(lambda: _parsed(self._send(method, path, **body)))
        if not isinstance(raw, dict):
            raise BlobError("the coordinator's answer is not a JSON object; is the URL a coordinator's?")
        return raw

    def _patiently(self, attempt: Callable[[], T], got: Callable[[], int] = int) -> T:
        """
        Args:
            got: how far attempts have come together; with each step patience begins anew.
        """
        pause, longest = PAUSES
        until, before = None, got()
        while True:
            try:
                return attempt()
            except (*CONNECTION_FAULTS, _Passing) as error:
                if until is None or got() > before:  # an hour of sending was no waiting
                    before, pause, until = got(), PAUSES[0], time.monotonic() + self._patience
                asked = error.wait if isinstance(error, _Passing) else 0.0
                wait = max(pause, asked)
                if time.monotonic() + wait > until or self._closed.wait(wait):
                    raise Away(f"no answer from {self._url}: {_why(error)}", asked) from error
                pause = min(2 * pause, longest)
            except requests.RequestException as error:
                raise BlobError(
                    f"cannot ask {self._url}: {codec.line(str(error), LONGEST_SENTENCE)}"
                ) from error

    def _send(self, method: str, path: str, **request: Any) -> requests.Response:
        response = self._session.request(
            method, self._url + path, timeout=TIMEOUTS, allow_redirects=False, **request
        )
        if 200 <= response.status_code < 300:
            return response
        with closing(response):
            said = _detail(response)
        why = codec.line(said or response.reason or "no reason given", LONGEST_SENTENCE)
        sentence = f"the coordinator answered {response.status_code}: {why}"
        if response.status_code in PASSING or (said is None and response.status_code >= 500):
            raise _Passing(sentence, _wait(response))
        if response.status_code == TOO_EARLY:
            raise NotYet(sentence)
        raise BlobError(sentence)

    def _pieces(self, response: requests.Response, max_bytes: int) -> Iterator[bytes]:
        size = 0
        for piece in response.iter_content(PIECE):
            size += len(piece)
            if size > max_bytes:
                raise BlobError(f"the blob is larger than the {max_bytes} bytes that were announced")
            if self._closed.is_set():
                raise BlobError("the download was given up")
            yield piece


class _Told:
    """A file that tells how far it has been read."""

    def __init__(self, file: IO[bytes], tell: Callable[[int], object]) -> None:
        self._file, self._tell = file, tell
        self._told = file.tell()
        self._size = os.fstat(file.fileno()).st_size - self._told

    def __len__(self) -> int:
        """Bytes from where it stood at first."""
        return self._size

    def read(self, size: int = -1) -> bytes:
        piece, at = self._file.read(size), self._file.tell()
        if at - self._told >= PIECE:
            self._told = at
            self._tell(at)
        return piece


class _Passing(Exception):
    """An answer that may be another one soon.

    Attributes:
        wait: seconds for which the coordinator asks to be left alone.
    """

    def __init__(self, sentence: str, wait: float) -> None:
        super().__init__(sentence)
        self.wait = wait


def _keep(pieces: Iterable[bytes], path: Path, wanted: Digest | None = None) -> None:
    """Writes beside `path` and moves there only what came whole, and has the right digest if one is known."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            found = digest_of(_written(pieces, file.write))
        if wanted is not None and found != wanted:
            raise BlobError(f"the coordinator sent other bytes than blob 0x{wanted.hex()}")
        partial.replace(path)
    except OSError as error:
        if isinstance(error, requests.RequestException):  # which derives from OSError
            raise
        raise BlobError(f"cannot store a blob in {path.parent}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _written(pieces: Iterable[bytes], write: Callable[[bytes], int]) -> Iterator[bytes]:
    for piece in pieces:
        write(piece)
        yield piece


def _path(wanted: Digest) -> str:
    return f"/v1/blobs/{codec.encode(wanted)}"


def _offset(response: requests.Response) -> int:
    said = response.headers.get("Upload-Offset", "")
    if not said.isdecimal() or len(said) > 19:
        raise BlobError("the coordinator does not say what it has of an upload; is the URL a coordinator's?")
    return int(said)


def _wait(response: requests.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() and len(said) < 10 else 0.0


def _parsed(response: requests.Response) -> Any:
    with closing(response):
        try:
            return response.json()
        except requests.JSONDecodeError as error:
            raise BlobError("the coordinator's answer is not JSON; is the URL a coordinator's?") from error


def _decoded(kind: type[T], raw: object) -> T:
    try:
        return codec.decode(kind, raw, "the coordinator's answer")
    except MalformedInput as error:
        raise BlobError(str(error)) from error


def _detail(response: requests.Response) -> str | None:
    """The sentence in an error's body: somebody else's words, to be bounded and put on one line."""
    try:
        raw = response.json()
    except requests.RequestException:
        raw = None
    said = raw.get("detail") if isinstance(raw, dict) else None
    return said if isinstance(said, str) else None


def _why(error: Exception) -> str:
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "it took too long"
    return (
        codec.line(str(error), LONGEST_SENTENCE)
        if isinstance(error, _Passing)
        else "the connection failed or broke off"
    )
