"""Bundles that a worker fetches: kept, asked for again, given up, and never too many."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import TOKEN, BlobServer, blob_server
from tegula_market.adapters.blobs import BlobClient
from tegula_market.model import JobId, LeaseId, lease_id
from tegula_worker import evidence
from tegula_worker.evidence import EvidenceFolder

LEASE = lease_id(JobId(b"\x07" * 32), 3, 2)
NAME = f"{'07' * 32}-3-2.zip"


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with blob_server() as served:
        yield served


def keep(server: BlobServer, folder: Path, lease: LeaseId = LEASE) -> None:
    kept, client = EvidenceFolder(folder, later=0.01), BlobClient(server.url, TOKEN, patience=1)
    kept.use(client)
    asyncio.run(asyncio.wait_for(kept.keep(lease), 20))
    client.close()


def test_a_bundle_lies_under_its_lease(server: BlobServer, tmp_path: Path) -> None:
    server.evidence[LEASE] = b"a bundle"
    keep(server, tmp_path)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(NAME, b"a bundle")]


def test_what_is_held_back_is_asked_for_until_it_comes(server: BlobServer, tmp_path: Path) -> None:
    server.evidence[LEASE] = b"a bundle"
    server.faults.extend([425, 425])
    keep(server, tmp_path)
    assert len(server.requests) == 3
    assert (tmp_path / NAME).exists()


@pytest.mark.parametrize("faults", [[], [401], [500]])
def test_what_cannot_be_had_ends_nothing(server: BlobServer, tmp_path: Path, faults: list[int]) -> None:
    server.faults.extend(faults)
    keep(server, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_newest_are_kept(server: BlobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "KEPT", 2)
    for age, name in enumerate(("new", "older", "oldest")):
        (tmp_path / f"{name}.zip").write_bytes(b"")
        os.utime(tmp_path / f"{name}.zip", (1000 - age, 1000 - age))
    server.evidence[LEASE] = b"a bundle"
    keep(server, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "new.zip"}


def test_what_a_kill_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".half").write_bytes(b"half")
    EvidenceFolder(tmp_path)
    assert not list(tmp_path.iterdir())
