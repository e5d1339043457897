"""The kit is packed once, and is run from a moved folder by nothing but itself."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools.gpu_check import pack
from tools.gpu_check.contents import Piece
from tools.gpu_check.pack import MANIFEST, UNPACK, Parts

BARE = {"PATH": "/usr/bin:/bin"}


def unpacked(kit: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(kit / "unpack.sh"), str(target)]
    return subprocess.run(command, env=BARE, capture_output=True, text=True, check=False)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of a few parts, of which none was ever a Python."""
    noise = tmp_path / "noise"
    noise.write_bytes(hashlib.shake_256(b"noise").digest(3000))
    made = [Piece("python/a", noise, base=True), Piece("b", noise), Piece("c", text="#!/bin/sh\n")]
    monkeypatch.setattr(pack.contents, "pieces", lambda: made)
    kit = tmp_path / "kit"
    pack.pack(kit, 1000, 1)
    return kit


def test_no_part_is_larger_than_was_said_and_the_manifest_has_all(small: Path) -> None:
    lines = [line.split() for line in (small / MANIFEST).read_text().splitlines()]
    assert {name for _, name in lines} == {path.name for path in small.iterdir()} - {MANIFEST, UNPACK.name}
    assert len(lines) > 6
    for digest, name in lines:
        part = (small / name).read_bytes()
        assert 0 < len(part) <= 1000
        assert hashlib.sha256(part).hexdigest() == digest


def test_bytes_are_cut_at_the_parts_size_and_nowhere_else(tmp_path: Path) -> None:
    with Parts(tmp_path, "x", 4) as parts:
        for data in (b"abc", b"defghij", b"", b"kl"):
            assert parts.write(data) == len(data)
    assert [path.name for path in parts.paths] == ["x.000", "x.001", "x.002"]
    assert [path.read_bytes() for path in parts.paths] == [b"abcd", b"efgh", b"ijkl"]


def test_an_archive_says_nothing_of_who_packed_it(small: Path) -> None:
    joined = b"".join(path.read_bytes() for path in sorted(small.glob("base.tar.gz.*")))
    (small / "base").write_bytes(joined)
    with tarfile.open(small / "base") as tar:
        (about,) = tar.getmembers()
    assert (about.name, about.uid, about.uname, about.mtime) == ("python/a", 0, "", 0)


def test_missing_and_damaged_parts_are_all_named_and_nothing_is_unpacked(small: Path, tmp_path: Path) -> None:
    (small / "base.tar.gz.001").unlink()
    damaged = small / "rest.tar.zst.002"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    done = unpacked(small, tmp_path / "there")
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[:2] == [
        "base.tar.gz.001 is missing: send it again",
        "rest.tar.zst.002 is damaged: send it again",
    ]
    assert "2 of " in said[2]
    assert "nothing was unpacked" in said[2]
    assert not list(tmp_path.glob("there*"))


def test_a_kit_without_a_manifest_is_refused(small: Path, tmp_path: Path) -> None:
    (small / MANIFEST).unlink()
    done = unpacked(small, tmp_path / "there")
    assert (done.returncode, done.stderr) == (
        1,
        "unpack.sh: MANIFEST is missing beside unpack.sh: send it again\n",
    )


def test_what_is_there_is_not_overwritten(small: Path, tmp_path: Path) -> None:
    kept = tmp_path / "there" / "kept"
    kept.parent.mkdir()
    kept.write_text("mine")
    done = unpacked(small, tmp_path / "there")
    assert done.returncode == 1
    assert "name another folder, or remove it" in done.stderr
    assert kept.read_text() == "mine"


def test_parts_go_into_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(SystemExit, match="not empty"):
        pack.main(tmp_path)


@pytest.mark.slow
def test_a_moved_kit_renders_with_nothing_else(tmp_path: Path) -> None:
    """Of the whole kit, and of Blender in it. What a full check does with it is tested in test_check.py."""
    kit, first = tmp_path / "kit", tmp_path / "first"
    pack.pack(kit, 64 << 20, 1)
    done = unpacked(kit, first)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(kit)
    moved = Path(shutil.move(first, tmp_path / "moved to"))
    bench = [str(moved / "run"), "tegula-worker", "bench", "--data", str(tmp_path / "data")]
    environment = BARE | {"TEGULA_WORKER_SANDBOX": "none, this machine may be harmed"}
    rendered = subprocess.run(bench, env=environment, capture_output=True, text=True, check=False)
    assert rendered.returncode == 0, rendered.stderr
    assert '"device": "CPU ' in rendered.stdout.splitlines()[0]
    where = "import bpy, sys, tegula_worker; print(bpy.__file__, sys.prefix, tegula_worker.__file__)"
    told = subprocess.run(
        [str(moved / "run"), "python", "-c", where], env=BARE, capture_output=True, text=True, check=True
    )
    assert told.stdout.count(str(moved)) == 3
    assert str(Path(os.__file__).parent) not in told.stdout
