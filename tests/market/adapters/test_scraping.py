"""Scraped over HTTP, as Prometheus does it."""

import socket
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from listening import free_port
from tegula_market.adapters import scraping
from tegula_market.adapters.scraping import NoMetrics


def test_metrics_are_there_for_as_long_as_they_are_served() -> None:
    registry, address = CollectorRegistry(), f"127.0.0.1:{free_port()}"
    Counter("tiles", "Of a test", registry=registry).inc(3)
    with scraping.served(registry, address), urlopen(f"http://{address}/metrics") as response:
        assert b"tiles_total 3.0" in response.read()
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://{address}/metrics")


def test_an_address_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(NoMetrics, match="in use; choose another address"):
            scraping.served(CollectorRegistry(), address).__enter__()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:70000", "here:there"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(NoMetrics, match="cannot be served"):
        scraping.served(CollectorRegistry(), address).__enter__()


def test_nothing_is_served_unasked() -> None:
    with scraping.served(CollectorRegistry(), ""):
        pass
