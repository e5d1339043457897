"""The scenes that are rendered: those of examples/, and of ../shared/scenes what is there."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tegula.scene import inspect_scene
from tegula_market.model import Digest, Scene

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared" / "scenes"
SHARED_SCENES = {
    "bmw27": SHARED / "bmw27_cpu.blend",
    "golem_cubes": SHARED / "golem_cubes.blend",
    "column": SHARED / "column" / "the_column.blend",
}
WIDTH, HEIGHT = 320, 180
MOST_SAMPLES = 32
SEED = 7


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    blend: Path
    scene: Scene
    frame: int


def names() -> list[str]:
    """All that there are to render here."""
    listed = subprocess.run([sys.executable, _STRESS], check=True, capture_output=True, text=True)
    shared = [name for name, blend in SHARED_SCENES.items() if blend.exists()]
    for name in SHARED_SCENES.keys() - set(shared):
        print(f"SKIPPED: {SHARED_SCENES[name]} is not there", file=sys.stderr)
    stress = listed.stdout.split()
    # The shared scenes come early, so that a run that is cut short has seen something of everything.
    return [*stress[:2], *shared, *stress[2:], "roof"]


def subject(name: str, folder: Path) -> Subject:
    """A scene at the size and the samples of the benchmark, built if need be."""
    blend = SHARED_SCENES.get(name) or _built(name, folder)
    scratch = folder / name
    scratch.mkdir(parents=True, exist_ok=True)
    packed = inspect_scene(blend, scratch=scratch)
    scene = replace(
        packed.scene,
        manifest=Digest(bytes(32)),  # it is of no matter here, and names a path
        resolution_x=WIDTH,
        resolution_y=HEIGHT,
        percentage=100,
        region=None,
        spp=min(packed.scene.spp, MOST_SAMPLES),
        seed=SEED,
    )
    return Subject(name, blend, scene, packed.frames[0])


def _built(name: str, folder: Path) -> Path:
    """Built anew when the scripts have changed."""
    scripts = hashlib.blake2b(b"".join(_sources(name)), digest_size=6).hexdigest()
    blend = folder / f"{name}-{scripts}.blend"
    if not blend.exists():
        folder.mkdir(parents=True, exist_ok=True)
        script = [str(EXAMPLES / "build_roof.py")] if name == "roof" else [_STRESS, name]
        subprocess.run([sys.executable, *script, str(blend)], check=True, capture_output=True)
    return blend


def _sources(name: str) -> Iterator[bytes]:
    pattern = "*roof*.py" if name == "roof" else "stress*.py"
    return (path.read_bytes() for path in sorted(EXAMPLES.glob(pattern)))


_STRESS = str(EXAMPLES / "stress.py")
