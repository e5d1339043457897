"""A real HTTP server on loopback, and the ways in which it can let one down."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import TOKEN, BlobServer, blob_server
from listening import free_port
from tegula_market import codec
from tegula_market.adapters import blobs
from tegula_market.adapters.blobs import Away, BlobClient, BlobError
from tegula_market.digests import digest

DATA = bytes(range(256)) * 5000


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with blob_server() as served:
        yield served


@pytest.fixture
def client(server: BlobServer) -> Iterator[BlobClient]:
    made = BlobClient(server.url + "/", TOKEN, patience=60)
    yield made
    made.close()


def test_a_file_goes_up_and_comes_back(server: BlobServer, client: BlobClient, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(DATA)
    name = client.upload(tmp_path / "up")
    assert name == digest(DATA)
    client.fetch(name, tmp_path / "down", len(DATA))
    assert (tmp_path / "down").read_bytes() == DATA
    assert sorted(p.name for p in tmp_path.iterdir()) == ["down", "up"]


def test_bytes_and_what_is_missing(client: BlobClient) -> None:
    there, absent = client.upload_bytes(b"there"), digest(b"absent")
    assert client.missing([there, absent]) == (absent,)


@pytest.mark.parametrize("faults", [[503], ["hang up"], ["hang up", 502, 429]])
def test_a_request_is_sent_again(
    server: BlobServer, client: BlobClient, tmp_path: Path, faults: list
) -> None:
    server.faults.extend(faults)
    (tmp_path / "up").write_bytes(DATA)
    assert client.upload(tmp_path / "up") in server.blobs
    assert len(server.requests) == len(faults) + 1


def test_a_download_that_breaks_off_begins_anew(
    server: BlobServer, client: BlobClient, tmp_path: Path
) -> None:
    name = server.put(DATA)
    server.faults.append("half")
    client.fetch(name, tmp_path / "down", len(DATA))
    assert (tmp_path / "down").read_bytes() == DATA
    assert len(server.requests) == 2


def test_other_bytes_than_the_digest_says_are_not_kept(
    server: BlobServer, client: BlobClient, tmp_path: Path
) -> None:
    name = digest(b"wanted")
    server.blobs[name] = b"others"
    with pytest.raises(BlobError, match="other bytes"):
        client.fetch(name, tmp_path / "down", 100)
    assert not list(tmp_path.iterdir())


def test_more_than_announced_is_not_read(server: BlobServer, client: BlobClient, tmp_path: Path) -> None:
    with pytest.raises(BlobError, match="larger than"):
        client.fetch(server.put(DATA), tmp_path / "down", len(DATA) - 1)
    assert not list(tmp_path.iterdir())


def test_a_no_is_final_and_says_why(server: BlobServer, tmp_path: Path) -> None:
    stranger = BlobClient(server.url, "another", patience=5)
    with pytest.raises(BlobError, match="answered 401: want a token"):
        stranger.upload_bytes(b"x")
    with pytest.raises(BlobError, match="answered 401"):
        stranger.fetch(server.put(b"x"), tmp_path / "down", 1)
    assert len(server.requests) == 2


def test_a_blob_that_is_not_there(client: BlobClient, tmp_path: Path) -> None:
    with pytest.raises(BlobError, match="404: no such blob"):
        client.fetch(digest(b"nowhere"), tmp_path / "down", 1)


def test_a_5xx_without_a_sentence_is_no_answer(server: BlobServer, client: BlobClient) -> None:
    server.faults += ["page", 500]
    with pytest.raises(BlobError, match="answered 500: as the test wants it"):
        client.upload_bytes(DATA)
    assert len(server.requests) == 2


def test_patience_begins_with_the_first_fault(server: BlobServer) -> None:
    """What is cut off after an hour of sending has not been waited for."""
    client, held = BlobClient(server.url, TOKEN, patience=0.5), server.hold("PUT")
    server.faults.append("hang up")
    ending = threading.Timer(0.8, held.go.set)
    ending.start()
    assert client.upload_bytes(DATA) == digest(DATA)
    ending.join()
    client.close()


def test_how_long_to_wait_is_told(server: BlobServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "_wait", lambda _: 60.0)
    server.faults.append(429)
    with pytest.raises(Away, match="429") as caught:
        BlobClient(server.url, TOKEN, patience=0).upload_bytes(DATA)
    assert caught.value.retry_after == 60


def _unused_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "PAUSES", (0.01, 0.02))
    with pytest.raises(BlobError, match=r"no answer from http://127\.0\.0\.1:\d+: the connection failed"):
        BlobClient(_unused_url(), TOKEN, patience=0.1).upload_bytes(b"x")


def test_what_is_no_url_is_not_asked_twice() -> None:
    with pytest.raises(BlobError, match="cannot ask coordinator:8700"):
        BlobClient("coordinator:8700").about()


def test_closing_ends_the_patience_of_other_threads() -> None:
    client, ends = BlobClient(_unused_url(), TOKEN, patience=600), []

    def ask() -> None:
        with pytest.raises(BlobError) as caught:
            client.upload_bytes(b"x")
        ends.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    client.close()
    thread.join(timeout=10)
    assert len(ends) == 1


def test_about_ignores_what_a_newer_coordinator_adds(server: BlobServer, client: BlobClient) -> None:
    about = blobs.About("tm1", b"\x01" * 20, 31337, b"\x02" * 20, "tcp://127.0.0.1:1", b"\x03" * 32)
    server.about = {**codec.encode(about), "motto": "tiles"}
    assert client.about() == about
    del server.about["router"]
    with pytest.raises(BlobError, match="'router'"):
        client.about()
