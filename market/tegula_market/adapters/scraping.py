"""Serves a program's metrics to Prometheus, at an address of their own: there is no password."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from tegula_market.model import TegulaError


class NoMetrics(TegulaError):
    """The address for Prometheus cannot be used; the message says why."""


@contextmanager
def served(registry: CollectorRegistry, address: str) -> Iterator[None]:
    """Over HTTP at the address, in a thread, for as long as the context lasts; not at all if it is empty.

    Raises:
        NoMetrics: something else is there already, or it is no address.
    """
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        said = f"metrics cannot be served at {address}: {reason}"
        raise NoMetrics(f'{said}; choose another address, or none: metrics = ""') from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
