"""`tegula local` with everything real: chain, coordinator, workers, verifier, Blender."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from tegula import local, programs
from tegula_blender.client import Client
from tegula_market import codec
from tegula_market.adapters import exr
from tegula_market.model import Address
from tegula_worker.sandbox import Isolation

pytestmark = pytest.mark.slow

MAKE_SCENE = """
import sys, bpy
bpy.ops.wm.read_factory_settings()
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.render.resolution_percentage = 100
scene.cycles.samples = 4
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = False
scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
scene.render.image_settings.color_depth = "32"
scene.frame_current = 3
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
scene.render.filepath = sys.argv[2]
bpy.ops.render.render(write_still=True)
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .blend; beside it, reference.exr is one plain render of it."""
    folder = tmp_path_factory.mktemp("scene")
    blend = folder / "cube.blend"
    command = [sys.executable, "-c", MAKE_SCENE, str(blend), str(folder / "reference.exr")]
    subprocess.run(command, check=True, capture_output=True)
    return blend


def tegula(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [programs.find("tegula"), "local", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_frame_is_rendered_verified_paid_and_reported(scene: Path, tmp_path: Path) -> None:
    done = tegula(str(scene), "--tile", "40", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "frame_0003.exr", "frame_0003.png", "report.html", "report.json",
    ]  # fmt: skip
    stitched = exr.read(tmp_path / "frame_0003.exr").channels
    reference = exr.read(scene.with_name("reference.exr")).channels
    for name, plane in reference.items():
        assert np.array_equal(stitched[name], plane), name
    told = json.loads((tmp_path / "report.json").read_text())
    assert [tile["verdict"]["outcome"] for tile in told["tiles"]] == ["ACCEPTED"] * 6
    assert all(payment["tx"] for payment in told["payments"])
    paid = sum(int(payment["amount"]) for payment in told["payments"])
    assert paid == sum(int(tile["price"]) for tile in told["tiles"])
    assert sorted(ask["price"] for ask in told["asks"]) == ["40", "50"]
    assert told["clearing_price"] == "50"
    assert "renders run in a sandbox" in done.stderr


def test_without_a_usable_sandbox_it_renders_and_says_so(scene: Path, tmp_path: Path) -> None:
    assert local.SANDBOX == Isolation.PREFERRED
    unusable = tmp_path / "bwrap"
    unusable.write_text("#!/bin/sh\nexit 1\n")
    unusable.chmod(0o755)
    out = tmp_path / "out"
    done = tegula(str(scene), "--out", str(out), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert "without a sandbox" in done.stderr
    assert "renders run in a sandbox" not in done.stderr
    assert (out / "frame_0003.exr").is_file()


@pytest.mark.parametrize(
    "wanted", [("--device", "METAL", "--verifier-device", "CPU"), ("--verifier-device", "METAL")]
)
def test_a_device_that_is_not_here_is_told_with_what_is(
    scene: Path, tmp_path: Path, wanted: tuple[str, ...]
) -> None:
    done = tegula(str(scene), *wanted, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "Blender finds no METAL device here; set device to what it finds: CPU " in done.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_nothing_runs_on_when_it_is_ended_in_mid_job(
    scene: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    endless = ("--samples", "1000000", "--tile", "32", "--ceiling", "50", "--out", str(out))
    running = subprocess.Popen(
        [programs.find("tegula"), "local", str(scene), *endless],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # after SIGKILL nobody tidies up there
    )
    assert running.stderr is not None
    with running.stderr as said:
        next(line for line in said if line.startswith("rendering: 0/6"))
        with watched(descendants(running.pid)) as gone:
            running.send_signal(number)
            rest = said.read()
            assert running.wait() == code, rest
            assert gone(30) == []
    assert list(out.iterdir()) == []
    if number is not signal.SIGKILL:
        assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_market_is_kept_until_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    account = Address(bytes([0x5A]) * 20)
    running = subprocess.Popen(
        [programs.find("tegula"), "market", "--fund", codec.encode(account)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert running.stdout is not None
    with running.stdout as said:
        where = json.loads(said.readline())
        client = Client(where["coordinator"], where["token"])
        client.check_token()
        market = client.market()
        assert (len(market.workers), len(market.verifiers)) == (2, 1)
        client.disconnect()
        as_operator = {"Authorization": f"Bearer {where['operator']}"}
        api = where["dashboard"].replace("/dashboard/", "/v1/operator")
        assert requests.get(where["dashboard"], timeout=30).status_code == 200
        assert requests.get(api, headers=as_operator, timeout=30).json() == {"ok": True}
        with watched(descendants(running.pid)) as gone:
            running.send_signal(number)
            assert said.read() == ""
            assert running.wait() == 0
            assert gone(30) == []
    assert list(tmp_path.iterdir()) == []


def descendants(parent: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, ahead = [], [parent]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    assert len(found) >= 5, "chain, coordinator, verifier and two workers"
    return found


@contextmanager
def watched(pids: list[int]) -> Iterator["Gone"]:
    handles = {os.pidfd_open(pid): pid for pid in pids}
    try:
        yield Gone(handles)
    finally:
        for handle in handles:
            os.close(handle)


class Gone:
    def __init__(self, handles: dict[int, int]) -> None:
        self._left = dict(handles)

    def __call__(self, seconds: float) -> list[int]:
        """Processes that still run after so many seconds without one ending."""
        while self._left:
            ended = select.select(list(self._left), [], [], seconds)[0]
            if not ended:
                break
            for handle in ended:
                del self._left[handle]
        return list(self._left.values())
