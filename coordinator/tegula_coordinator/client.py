"""Asks the coordinator that runs, over HTTP, as its operator."""

from typing import Any

import requests

from tegula_coordinator import tokens
from tegula_coordinator.config import Config, ConfigError
from tegula_market.model import TegulaError

TIMEOUT_SECONDS = 30.0


class CoordinatorAway(TegulaError):
    """Nobody answers there, or not as a coordinator does."""


class Denied(TegulaError):
    """The coordinator says no; the message says why."""


class Client:
    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.trust_env = False  # a .netrc must not replace the token, a proxy must not see it

    @classmethod
    def of(cls, config: Config, url: str | None = None) -> "Client":
        """
        Args:
            url: where it is, if not where the configuration has it listen.
        Raises:
            ConfigError: no operator's token is configured, or it cannot be read.
        """
        if config.operator_token_file is None:
            raise ConfigError(tokens.NO_OPERATOR)
        return cls(url or local(config.http), tokens.operators(config.operator_token_file))

    def get(self, path: str) -> Any:
        """Raises: CoordinatorAway, Denied."""
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Raises: CoordinatorAway, Denied."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._session.request(
                method, self._url + path, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
            told = answer.json()
        except requests.exceptions.JSONDecodeError as error:
            raise CoordinatorAway(
                f"what answers at {self._url} is no coordinator (status {answer.status_code})"
            ) from error
        except requests.RequestException as error:
            raise CoordinatorAway(
                f"no coordinator answers at {self._url}; start it: tegula-coordinator serve, or say where it"
                " is: --url URL"
            ) from error
        if answer.is_redirect or not answer.ok:
            raise Denied(_reason(told, answer.status_code))
        return told


def local(http: str) -> str:
    """The URL of what listens at HOST:PORT on this machine."""
    host, _, port = http.rpartition(":")
    everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 not listened on
    return f"http://{everywhere.get(host, host)}:{port}"


def _reason(told: Any, status: int) -> str:
    match told:
        case {"detail": str(detail)}:
            return detail
        case {"detail": [{"loc": [*_, where], "msg": str(message)}, *_]}:  # as FastAPI finds a body wrong
            return f"{where}: {message}"
        case _:
            return f"the coordinator answers with status {status}"
