"""HTTP client of a coordinator. Knows no bpy: the `tegula` command and the Blender extension both use it.

Every request can be sent again without harm, so a coordinator that is away, restarted or cut off is asked
again with growing pauses for as long as `patience` lasts; what it answers is final.
"""

import importlib.metadata
import time
from dataclasses import replace
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase

from tegula_market import codec, messages
from tegula_market.adapters.blobs import BlobClient, bear
from tegula_market.codec import MalformedInput
from tegula_market.model import Address, JobId, Order, Signature, TegulaError, Terms, Wei

from .job_view import About, AccountView, Deposited, JobEvent, JobView, Settled
from .market_view import MarketView

T = TypeVar("T")

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
OURS = importlib.metadata.version("tegula-market")
PAUSES = 0.1, 5.0
"""First and longest pause before a request is sent again; each is twice the one before."""


class Unreachable(TegulaError):
    """No answer within the patience that there was, or only that there may be one later."""


class Refused(TegulaError):
    """The coordinator answered with a no; the message is its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class TooOften(Refused):
    """More than the token is for in a time; the same may be asked again after `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: float) -> None:
        super().__init__(429, sentence)
        self.retry_after = retry_after


class AnotherVersion(TegulaError):
    """A coordinator that this program does not fit; the message says which are which."""


class Client:
    """
    Args:
        patience: seconds for which a request is sent again.
    """

    def __init__(self, url: str, token: str | AuthBase, patience: float = 0.0) -> None:
        self._url, self._token = url.rstrip("/"), token
        self._session = requests.Session()
        bear(token, self._session)
        self._session.trust_env = False  # a .netrc must not replace the token, a proxy must not see it
        self._patience = patience
        self.blobs = BlobClient(url, token, patience)

    @property
    def patience(self) -> float:
        return self._patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self.blobs.close()
        self._patience, self.blobs = seconds, BlobClient(self._url, self._token, seconds)

    def disconnect(self) -> None:
        self._session.close()
        self.blobs.close()

    def about(self) -> About:
        """Raises: AnotherVersion."""
        raw = self._json("GET", "/v1/about")
        _check_version(str(_field(raw, "protocol")), str(_field(raw, "version")))
        return _decode(About, raw)

    def market(self) -> MarketView:
        return _decode(MarketView, self._json("GET", "/v1/market"))

    def check_token(self) -> None:
        """Raises: Refused: the coordinator does not know the token."""
        self._json("POST", "/v1/blobs/missing", {"digests": []})

    def account(self, address: Address) -> AccountView:
        """Raises: Refused: 404, if the coordinator relays no deposits."""
        return _decode(AccountView, self._json("GET", f"/v1/accounts/{codec.encode(address)}"))

    def deposit(
        self, terms: Terms, amount: Wei, valid_after: int, valid_before: int, signature: Signature
    ) -> Deposited:
        """Opens the job in the escrow; the coordinator sends the transaction and pays for its gas.

        Args:
            signature: of the terms' requester, under `vouchers.deposit_payload`.
        Raises:
            Refused: 402, if the account does not hold the amount.
        """
        times = {"valid_after": valid_after, "valid_before": valid_before}
        body = {"terms": codec.encode(terms), "amount": str(amount), **times}
        answer = self._json("POST", "/v1/deposits", {**body, "signature": codec.encode(signature)})
        return _decode(Deposited, answer)

    def open_job(self, order: Order, signature: Signature) -> JobId:
        body = {"order": codec.encode(order), "signature": codec.encode(signature)}
        return _decode(JobId, _field(self._json("POST", "/v1/jobs", body), "job"))

    def job(self, job: JobId, before: JobView | None = None) -> JobView:
        """
        Args:
            before: an earlier view; what has not changed since is taken from there.
        """
        if before is None:
            return _decode(JobView, self._json("GET", _job_path(job)))
        changes = _decode(JobView, self._json("GET", _job_path(job), params={"since": before.mark}))
        units = {unit.unit: unit for unit in (*before.units, *changes.units)}
        return replace(changes, units=tuple(units.values()))

    def events(self, job: JobId, after: int, wait: float) -> tuple[list[JobEvent], int]:
        """What happened after event number `after`, and the number to go on from.

        Args:
            wait: seconds, 30 at most, that the coordinator may hold the request while nothing happens.
        """
        answer = self._json("GET", _job_path(job, "events"), params={"after": after, "wait": wait})
        raw, seq = _field(answer, "events"), _decode(int, _field(answer, "seq"))
        if not isinstance(raw, list):
            raise MalformedInput("events: want a list")
        return [_event(one) for one in raw], seq

    def sign_voucher(self, job: JobId, worker: Address, cumulative: Wei, signature: Signature) -> None:
        body = {"worker": codec.encode(worker), "cumulative": str(cumulative)}
        self._json("POST", _job_path(job, "vouchers"), {**body, "signature": codec.encode(signature)})

    def cancel(self, job: JobId, reason: str) -> None:
        self._json("POST", _job_path(job, "cancel"), {"reason": reason})

    def close(self, job: JobId, owed: Wei, signature: Signature) -> Signature:
        """The coordinator's signature beside ours: with both, what is not owed returns at once."""
        body = {"owed": str(owed), "signature": codec.encode(signature)}
        return _decode(Signature, _field(self._json("POST", _job_path(job, "close"), body), "signature"))

    def settle(self, job: JobId, owed: Wei, signature: Signature) -> Settled:
        """As `close`; the coordinator then closes the escrow's job, too, and pays for the gas."""
        body = {"owed": str(owed), "signature": codec.encode(signature)}
        return _decode(Settled, self._json("POST", _job_path(job, "settle"), body))

    def _json(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        response = self._send(method, path, json=body, **options)
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError as error:
            raise MalformedInput(
                f"{self._url} does not answer as a coordinator does; is the address right?"
            ) from error

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Raises: Unreachable, Refused."""
        until, pause = time.monotonic() + self.patience, PAUSES[0]
        while True:
            try:
                return self._send_once(method, path, **options)
            except Unreachable:
                wait = pause
                if time.monotonic() + wait > until:
                    raise
            except TooOften as error:
                wait = max(pause, error.retry_after)
                if time.monotonic() + wait > until:
                    raise
            time.sleep(wait)
            pause = min(2 * pause, PAUSES[1])

    def _send_once(self, method: str, path: str, **options: Any) -> requests.Response:
        timeout = CONNECT_SECONDS, ANSWER_SECONDS
        try:
            response = self._session.request(method, self._url + path, timeout=timeout, **options)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise Unreachable(
                f"no coordinator answers at {self._url}; is it running, and is the address right?"
            ) from error
        except requests.exceptions.RequestException as error:
            raise Unreachable(f"cannot ask {self._url}: {error}") from error
        if response.ok:
            return response
        said = _sentence(response)
        if said is not None and response.status_code == 503 and "Retry-After" in response.headers:
            raise Unreachable(said)  # its chain or its blobs are away
        if said is None and response.status_code >= 500:  # a proxy's word, or one that broke off: no answer
            raise Unreachable(f"the coordinator behind {self._url} is away ({response.status_code})")
        wait = response.headers.get("Retry-After", "")
        if response.status_code == 429 and wait.isdecimal():
            raise TooOften(said or "too many requests", float(wait))
        raise Refused(
            response.status_code, said or f"the coordinator answered {response.status_code} {response.reason}"
        )


def _job_path(job: JobId, *rest: str) -> str:
    return "/".join(("/v1/jobs", codec.encode(job), *rest))


def _decode(kind: type[T], raw: Any) -> T:
    return codec.decode(kind, raw, "answer")


def _check_version(protocol: str, version: str) -> None:
    """Before anything else is understood, or not: answers change from one release to the next."""
    spoken = messages.PROTOCOL.decode()
    if (protocol, _release(version)) != (spoken, _release(OURS)):
        raise AnotherVersion(
            f"The coordinator is Tegula {version[:20]!r} and speaks {protocol[:20]!r}; this is {OURS!r} and"
            f" speaks {spoken!r}. Please use versions that fit: their first two numbers are the same."
        )


def _release(version: str) -> list[str]:
    return version.split(".")[:2]


def _field(raw: Any, name: str) -> Any:
    if not isinstance(raw, dict) or name not in raw:
        raise MalformedInput(f"the coordinator's answer lacks {name!r}")
    return raw[name]


def _event(raw: Any) -> JobEvent:
    seq, at = _decode(int, _field(raw, "seq")), _decode(float, _field(raw, "at"))
    kind, body = _decode(str, _field(raw, "kind")), _field(raw, "body")
    if not isinstance(body, dict):
        raise MalformedInput("event: want an object as its body")
    return JobEvent(seq, at, kind, body)


def _sentence(response: requests.Response) -> str | None:
    """The coordinator's own; None if it has none, as the answers of proxies have not."""
    try:
        detail = response.json()["detail"]
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError):
        return None
    return detail if isinstance(detail, str) else f"the coordinator answered {response.status_code}: {detail}"
