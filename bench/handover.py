"""What Blender's stand-in engine takes: for a tile that is shown, and for the frame once it is whole.

Both against one reading of the whole frame by Blender itself, in the same process.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
import json, sys, time
import bpy, numpy as np
from pathlib import Path
from tegula_blender import stand_in
from tegula_blender.engine import TegulaRender
from tegula_blender.session.delivery import Delivery, Patch
from tegula_market.model import Rect

width, height, columns, rows, image = json.loads(sys.argv[1])
bpy.ops.wm.read_factory_settings()
scene = bpy.context.scene
render, layer = scene.render, scene.view_layers[0]
render.engine, render.resolution_x, render.resolution_y = "CYCLES", width, height
scene.cycles.samples, scene.cycles.use_denoising = 1, False
layer.use_pass_z = layer.use_pass_normal = layer.cycles.denoising_store_passes = True
layer.use_pass_cryptomatte_object = True
render.image_settings.file_format, render.filepath = "OPEN_EXR_MULTILAYER", image
bpy.ops.render.render(write_still=True)


def edges(length, pieces):
    return [length * at // pieces for at in range(pieces + 1)]


class Watched(Delivery):
    # Tiles come one by one, as they do from workers; then the frame.
    def __init__(self):
        super().__init__(lambda: None)
        x, y = edges(width, columns), edges(height, rows)
        self.left = [Rect(x[i], y[j], x[i + 1], y[j + 1]) for j in range(rows) for i in range(columns)]
        self.busy, self.since = 0.0, None

    def take(self, frame, seconds):
        now = time.perf_counter()
        if self.since is not None:
            self.busy += now - self.since
        if not self.left:
            self.since = self.last = time.perf_counter()
            return [], Path(image)
        rect = self.left.pop()
        self.status, self.progress = f"{len(self.left)} tiles left", 1 / (1 + len(self.left))
        pixels = np.full((rect.height, rect.width, 4), 0.5, np.float32)
        self.since = time.perf_counter()
        return [Patch(rect, {layer.name: pixels})], None


def timed_load(self, *arguments, load=TegulaRender._load):
    result = self.begin_result(0, 0, width, height, layer=layer.name)
    started = time.perf_counter()
    result.load_from_file(image)
    baseline.append(time.perf_counter() - started)
    self.end_result(result, cancel=True)
    watched.last = time.perf_counter()
    load(self, *arguments)


baseline, watched = [], Watched()
TegulaRender._load = timed_load
with stand_in.standing_in(scene, watched):
    bpy.ops.render.render()
ended = time.perf_counter()
found = {"tile": watched.busy / (columns * rows), "finish": ended - watched.last, "load": baseline[0]}
print("\\n" + json.dumps(found), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Handover:
    tile: float
    """Seconds of the engine's thread for each tile."""
    finish: float
    """Seconds from the whole frame's file to the end of Blender's render, compositor included."""
    load: float
    """Seconds in which Blender reads that file, and does nothing with it."""


def measure(width: int, height: int, columns: int, rows: int, folder: Path) -> Handover:
    given = json.dumps([width, height, columns, rows, str(folder / f"{width}.exr")])
    done = subprocess.run([sys.executable, "-c", SCRIPT, given], check=True, capture_output=True, text=True)
    return Handover(**json.loads(done.stdout.splitlines()[-1]))
