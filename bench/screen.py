"""What an artist's Blender feels of a job: while a thousand tiles come, and after the last one.

The ticks are the extension's timer and its panels' draw functions, called as Blender's main thread does while
the session's thread follows a job of a real coordinator whose workers are simulated. The last tile's way to
the screen is that of a real job with real workers: from the verdict, by the coordinator's clock, which is
this machine's, until Blender's render is over.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import throughput
from tegula import local, programs
from tegula_blender.client import Client
from tegula_blender.session import blender
from tegula_blender.session.purse import Purse
from tegula_market.model import JobId, Wei

TICK_SECONDS = 0.02
PER_SECOND, WORKERS = 50, 10
VERDICT = "Judged"

SCRIPT = """
import json, os, sys, time
import bpy
from pathlib import Path
from tegula_blender import live, stand_in
from tegula_blender.engine import TegulaRender
from tegula_blender.session import blender
from tegula_blender.session.requesting import Request
from tegula_blender.session.session import Session
from tegula_blender.session.state import Step
from tegula_blender.ui import panels, properties

given = json.loads(sys.argv[1])
session = live._Here.session = Session(Path(given["folder"]), None, 10**9)
properties.register()


class Layout:
    # Takes what is drawn; without a window there is nobody to show it to.
    def __getattr__(self, name):
        return lambda *_, **__: Layout()


def tick():
    live.refresh()
    for panel in panels.CLASSES:
        panel.draw(type("Panel", (), {"layout": Layout()})(), bpy.context)


def ticks(seconds, until):
    took, work = [], []
    while not until():
        time.sleep(seconds)
        started = time.perf_counter()
        time.sleep(0)  # lets the other thread go on, and waits until it lets go: Blender waits just so
        own = time.thread_time()
        tick()
        work.append(time.thread_time() - own)
        took.append(time.perf_counter() - started)
    return took, work


def card():
    return session.state.jobs[0]


def submitted():
    scratch = session.scratch()
    wanted = Request("bench", given["answer"], scratch, (1,), "1", 36000, given["tile"], None)
    handle = session.submit(given["url"], given["token"], wanted)
    while card().step is not Step.QUOTED:
        assert not card().step.over, card()
        time.sleep(0.05)
    session.agree(handle)
    return session.delivery(handle)


def thousand():
    end = time.perf_counter() + 5
    idle, _ = ticks(given["every"], lambda: time.perf_counter() > end)
    submitted()
    began = time.perf_counter()
    busy, work = ticks(given["every"], lambda: card().step.over)
    took = {"idle": idle, "busy": busy, "work": work, "seconds": time.perf_counter() - began}
    return {**took, "step": card().step.name, "tiles": card().tiles}


def last():
    shown = []

    def note(self, patch, layer, show=TegulaRender._show):
        show(self, patch, layer)
        shown.append(time.time())

    TegulaRender._show = note
    bpy.ops.wm.open_mainfile(filepath=given["answer"]["here"])
    scene = bpy.context.scene
    scene.cycles.samples, scene.render.resolution_percentage = 1, 100
    scene.cycles.use_denoising = scene.render.use_compositing = False
    with stand_in.standing_in(scene, submitted()):
        bpy.ops.render.render()
    return {"shown": shown[-1], "over": time.time(), "job": card().job.hex()}


print("\\n" + json.dumps({"thousand": thousand, "last": last}[given["do"]]()), flush=True)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Ticks:
    idle: float
    """Seconds, 99th percentile, while no job goes on."""
    busy: float
    longest: float
    work: float
    """Seconds of the processor, 99th percentile: a tick without its wait for the other thread."""
    seconds: float
    """From the yes to the last bill."""


def thousand(folder: Path) -> Ticks:
    """While 1,000 tiles are accepted, about 50 a second."""
    found = asyncio.run(_thousand(folder))
    assert (found["step"], found["tiles"]) == ("DONE", 1000), found
    took = found["seconds"]
    return Ticks(_p99(found["idle"]), _p99(found["busy"]), max(found["busy"]), _p99(found["work"]), took)


async def _thousand(folder: Path) -> dict[str, Any]:
    given = {"do": "thousand", "folder": str(folder), "tile": throughput.EDGE, "every": TICK_SECONDS}
    async with throughput.market(folder, WORKERS, WORKERS / PER_SECOND) as site:
        site.net.mint(Purse(folder).address, Wei(10**9))
        where = {"url": site.url, "token": site.token}
        return await asyncio.to_thread(_run, {**given, **where, "answer": _nothing(folder, 40, 25)})


def _nothing(folder: Path, columns: int, rows: int) -> dict[str, Any]:
    """What packing says of a scene of so many tiles that nobody renders."""
    blend = folder / "none.blend"
    blend.write_bytes(b"BLENDER, but nobody looks")
    width, height = columns * throughput.EDGE, rows * throughput.EDGE
    scene = {
        "blender": "4.5.15", "engine": "CYCLES", "resolution_x": width, "resolution_y": height,
        "percentage": 100, "border": None, "crop": False, "spp": 1, "seed": 0, "adaptive": None,
        "view_layers": 1, "denoised": [], "current": 1, "range": [1, 1, 1], "fps": 24.0,
    }  # fmt: skip
    places = dict.fromkeys(("blend", "here", "bytes"), str(blend))
    return {"problems": [], "scene": scene, **places, "files": [], "absolute": []}


@dataclass(frozen=True, slots=True)
class Last:
    """Seconds after the last verdict of a job of 640x360."""

    shown: float
    """Until the last tile is in the render window."""
    over: float
    """Until the whole frame is, and Blender's render has ended."""


def last(blend: Path, folder: Path) -> Last:
    asked = {"samples": 1, "percentage": 100}
    answer = blender.ask("inspect", None, blend=str(blend), **asked)
    answer["scene"]["denoised"] = []
    given = {"do": "last", "folder": str(folder), "tile": 96, "answer": answer}
    with local.market(2, funded=[Purse(folder).address]) as where:
        found = _run({**given, "url": where.url, "token": where.token})
        client = Client(where.url, where.token)
        events, _ = client.events(JobId(bytes.fromhex(found["job"])), 0, 0)
        client.disconnect()
    verdict = max(event.at for event in events if event.kind == VERDICT)
    return Last(found["shown"] - verdict, found["over"] - verdict)


def _run(given: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(given)],
        capture_output=True, text=True, check=False, env=programs.environment(),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _p99(took: list[float]) -> float:
    return statistics.quantiles(took, n=100)[-1]
