"""Has an account's key speak for it at a coordinator, instead of a token from the operator (EIP-4361).

What is signed is the coordinator's text, but for no other than the one whose address was asked: a text that
was got elsewhere, and would let somebody in there, is refused.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from tegula_market import codec
from tegula_market.adapters.blobs import LONGEST_SENTENCE, PASSING, TIMEOUTS, BlobError
from tegula_market.model import Address

WANTS = " wants you to sign in with your Ethereum account:"
USED = 0.75
"""Part of a token's time after which another one is got: some requests take long, and clocks differ."""
ENDED = 401
PORTS = {"http": ":80", "https": ":443"}
"""That are meant if none is said."""


class NotSignedIn(BlobError):
    """The coordinator lets the account in no more, or never did; the message says why."""


class SignedIn(AuthBase):
    """For sessions of `requests`, of any thread: signs in before the first request, and again in time.

    What fails on the way there is an error of `requests`, as if the request itself had failed.

    Args:
        url: the coordinator's, as whoever gives the key knows it.
        sign: signs a text with the account's key, by EIP-191.
    """

    def __init__(self, url: str, account: Address, sign: Callable[[str], bytes]) -> None:
        self._url, self._account, self._sign = url.rstrip("/"), account, sign
        self._turn = threading.Lock()
        self._token, self._until = "", 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Raises: NotSignedIn, requests.ConnectionError."""
        with self._turn:
            if time.monotonic() >= self._until:
                self._token, self._until = self._signed_in()
            request.headers["Authorization"] = f"Bearer {self._token}"
        request.register_hook("response", self._look)  # type: ignore[no-untyped-call]
        return request

    def _look(self, response: requests.Response, **_: object) -> None:
        """A token can end on the way, or while a computer sleeps, whose clock stands still then.

        Raises:
            requests.ConnectionError: it did, and the request is to be sent again.
        """
        if response.status_code != ENDED:
            return
        response.close()
        with self._turn:
            if response.request.headers.get("Authorization") == f"Bearer {self._token}":
                self._until = 0.0
        raise requests.ConnectionError("the sign-in has ended")

    def _signed_in(self) -> tuple[str, float]:
        with requests.Session() as session:
            session.trust_env = False  # a .netrc must not speak for it, a proxy must not hear it
            asked, _ = self._post(session, "/message", {"account": codec.encode(self._account)})
            text = asked["message"]
            self._check(text)
            body = {"nonce": asked["nonce"], "signature": codec.encode(self._sign(text))}
            entered, now = self._post(session, "", body)
        return entered["token"], time.monotonic() + USED * (entered["expires"] - now)

    def _post(
        self, session: requests.Session, path: str, body: dict[str, str]
    ) -> tuple[dict[str, Any], float]:
        """The answer, and the coordinator's time in Unix seconds."""
        with closing(
            session.post(f"{self._url}/v1/sign-in{path}", json=body, timeout=TIMEOUTS, allow_redirects=False)
        ) as response:
            try:
                raw = response.json()
            except requests.JSONDecodeError:
                raw = None
            answer = raw if isinstance(raw, dict) else {}
            said = codec.line(str(answer.get("detail", response.reason)), LONGEST_SENTENCE)
            if response.status_code in PASSING or response.status_code >= 500:
                raise requests.ConnectionError(said)
            if not response.ok:
                raise NotSignedIn(
                    f"the account {codec.encode(self._account)} is not let in at {self._url}: {said}"
                )
            wanted = {"nonce": str, "message": str} if path else {"token": str, "expires": int}
            if not all(type(answer.get(name)) is kind for name, kind in wanted.items()):
                raise NotSignedIn(f"{self._url} does not answer as a coordinator does; is the address right?")
            return answer, _time_of(response)

    def _check(self, text: str) -> None:
        origin, _, rest = text.partition(WANTS)
        origin = origin if "://" in origin else f"https://{origin}"
        if _plain(origin) != _plain(self._url) or not rest.lower().startswith(
            f"\n{codec.encode(self._account)}\n"
        ):
            raise NotSignedIn(
                f"what {self._url} has the account sign is for {codec.line(origin, 80)!r}, and nothing was"
                " signed; name the coordinator by the address that it goes by"
            )


def _time_of(response: requests.Response) -> float:
    """By the clock of who answers, if it says; else by ours."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def _plain(url: str) -> str:
    """Scheme, host and port in one spelling; what follows them is left out."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix(PORTS.get(parts.scheme, ''))}"
