"""An order of a scene that `painter.py` paints, and the chain that it is paid on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from end_to_end import painter
from end_to_end.stage import Stage
from tegula_market.adapters import evm


def request(
    folder: Path, edge: int, frames: Sequence[int], samples: int, tile: int, budget: str, seed: int = 7
) -> dict[str, Any]:
    """What Blender would say of the scene, and what its artist wants; JSON, for `requester.py`.

    Args:
        folder: gets a file that stands for the scene.
        edge: of a frame, which is square; pixels, as a tile's.
        budget: dollars.
    """
    blend = folder / "painted.blend"
    blend.write_bytes(b"BLENDER, but nobody looks")
    scene = {
        "blender": painter.BLENDER,
        "engine": "CYCLES",
        "resolution_x": edge,
        "resolution_y": edge,
        "percentage": 100,
        "border": None,
        "crop": False,
        "spp": samples,
        "seed": seed,
        "adaptive": None,
        "view_layers": 1,
        "denoised": [],
        "current": 1,
        "range": [1, len(frames), 1],
        "fps": 24.0,
    }
    path = str(blend)
    files: dict[str, Any] = {"blend": path, "here": path, "bytes": path, "files": [], "absolute": []}
    return {
        "name": blend.name,
        "answer": {"problems": [], "scene": scene, **files},
        "frames": list(frames),
        "budget": budget,
        "deadline_seconds": 3600,
        "tile": tile,
        "pilot": None,
    }


def ask(it: Stage, method: str, *arguments: object) -> None:
    """What only test chains do."""
    answer = evm.connect(it.chain.rpc).provider.make_request(method, list(arguments))  # type: ignore[arg-type]
    assert "error" not in answer, answer
