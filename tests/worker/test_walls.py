"""What bubblewrap is told, as an ordinary user and as root, with and without GPUs."""

import resource
from itertools import pairwise
from pathlib import Path

import pytest

from tegula_worker import walls


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def test_an_ordinary_user_gets_a_user_namespace_and_stays_who_it_is(ordinary: None) -> None:
    assert "--unshare-user" in walls.namespaces()
    assert walls.user(gpu=True) == []


def test_every_child_of_root_is_somebody_else(root: None) -> None:
    assert "--unshare-user" not in walls.namespaces()
    command, *options = walls.user(gpu=False)
    assert command == "setpriv"
    assert {"--clear-groups", "--bounding-set=-all", "--no-new-privs"} <= set(options)
    users = {walls.user(gpu=False)[1] for _ in range(20)}
    assert len(users) > 1
    assert all(int(user.removeprefix("--reuid=")) > 1000 for user in users)


def test_everything_that_can_be_written_has_a_size(ordinary: None) -> None:
    words = walls.files([], 12_345, gpu=False)
    for index, word in enumerate(words):
        if word == "--tmpfs":
            assert words[index - 4] == "--size"
    sizes = {words[i + 1]: int(words[i - 3]) for i, word in enumerate(words) if word == "--tmpfs"}
    assert sizes == {"/tmp": 12_345, "/dev/shm": walls.SHARED_MEMORY_BYTES}
    pairs = _pairs(words)
    assert ("--remount-ro", "/") in pairs
    assert ("--remount-ro", "/dev") in pairs
    assert not {"--bind", "--dev-bind", "--bind-try"} & set(words)


def test_folders_on_the_way_can_be_passed_by_all(ordinary: None) -> None:
    words = walls.files([Path("/home/me/scenes/a")], 1, gpu=False)
    start = words.index("/home") - 3
    way = ["--perms", "0755", "--dir"]
    assert words[start : start + 15] == [
        *way, "/home", *way, "/home/me", *way, "/home/me/scenes", "--ro-bind-try", "/home/me/scenes/a",
        "/home/me/scenes/a",
    ]  # fmt: skip


def test_gpus_are_seen_only_if_they_are_used(ordinary: None, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [Path("/dev/nvidia0"), Path("/dev/dri/renderD128")]
    monkeypatch.setattr(walls, "gpu_nodes", lambda: nodes)
    for node in map(str, nodes):
        assert ("--dev-bind", node) in _pairs(walls.files([], 1, gpu=True))
        assert node not in walls.files([], 1, gpu=False)
    assert ("--ro-bind", "/sys") in _pairs(walls.files([], 1, gpu=True))


def test_root_keeps_the_groups_of_gpus(root: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "gpu_nodes", lambda: [tmp_path])
    group = tmp_path.stat().st_gid
    kept = "--clear-groups" if group == 0 else f"--groups={group}"
    assert kept in walls.user(gpu=True)


def test_limits_are_no_higher_than_this_process_s(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"--core=0", "--nproc=70", "--fsize=80"} <= set(walls.limits(70, 80))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, 60))
    assert {"--core=0", "--nproc=60", "--fsize=60", "--nofile=60"} <= set(walls.limits(70, 80))
