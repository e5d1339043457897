"""`make bench`: what the market costs, as ratios against a baseline measured in the same run.

The machines that this runs on are noisy: a ratio of medians over a few rounds is what can be quoted.
"""

import asyncio
import json
import statistics
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

import differences
import handover
import load
import overhead
import screen
import warmth

BMW = Path(__file__).resolve().parents[2] / "shared" / "scenes" / "bmw27_cpu.blend"
"""The field's benchmark scene; not ours to ship."""
WARM_SPP, WARM_ROUNDS = 16, 5
"""Rounds are short, so noise shows more: a few others are cheap."""
SHOWN = ("load", "tiles", "probes", "transfer", "chain", "stitch", "develop")


def main(
    scene: Annotated[Path, typer.Argument(help=".blend to render")],
    out: Annotated[Path, typer.Option(help="folder for bench.json")],
    samples: int = 32,
    scale: int = 50,
    tile: int = 128,
    rounds: int = 3,
    tiles: Annotated[int, typer.Option(help="simulated")] = 20_000,
    jobs: Annotated[int, typer.Option(help="that these are in, a multiple of 10")] = 20,
    workers: Annotated[int, typer.Option(help="simulated")] = 1000,
    processes: Annotated[int, typer.Option(help="that these are in")] = 2,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        found = {
            "overhead": _overhead(scene, samples, scale, tile, rounds, Path(folder)),
            "load": _load(Path(folder), tiles, jobs, workers, processes),
            "handover": _handover(rounds, Path(folder)),
            "screen": _screen(scene, rounds, Path(folder)),
            "differences": _differences(scene, samples, scale, Path(folder)),
            "warmth": {blend.name: _warmth(blend, Path(folder)) for blend in (scene, BMW)},
        }
    (out / "bench.json").write_text(json.dumps(found, indent=2) + "\n")


def _overhead(scene: Path, samples: int, scale: int, tile: int, rounds: int, folder: Path) -> dict[str, Any]:
    made = [overhead.measure(scene, samples, scale, tile, folder) for _ in range(rounds)]
    ratio = statistics.median(each.ratio for each in made)
    typical = sorted(made, key=lambda each: each.ratio)[len(made) // 2]
    print(f"\n{scene.name}, {samples} spp at {scale} %, {typical.tiles} tiles, median of {rounds} rounds")
    print(f"  plain bpy {typical.plain:.1f} s, one worker through the market {typical.market:.1f} s")
    print(f"  market / plain = {ratio:.2f} (range {made_range([each.ratio for each in made])})")
    for part in SHOWN:
        seconds = typical.parts[part]
        print(f"  {part:9} {seconds:6.2f} s  {seconds / typical.market:5.1%} of the market's time")
    return {
        "ratio": ratio,
        "rounds": [{"plain": m.plain, "market": m.market, "parts": m.parts} for m in made],
    }


def _load(folder: Path, tiles: int, jobs: int, workers: int, processes: int) -> dict[str, Any]:
    found = load.measure(folder, tiles, jobs, workers, processes)
    load.show(found)
    return asdict(found)


def _handover(rounds: int, folder: Path) -> dict[str, Any]:
    large = [handover.measure(1920, 1080, 40, 25, folder) for _ in range(rounds)]
    small = [handover.measure(640, 360, 10, 6, folder) for _ in range(rounds)]
    tiles = [each.tile / each.load for each in large]
    finishes = [each.finish / each.load for each in small]
    print(f"\ntiles into Blender's render window, median of {rounds} rounds")
    print(f"  each of 1000 at 1920x1080 {1e3 * statistics.median(each.tile for each in large):.2f} ms")
    print(f"  / reading the whole frame = {statistics.median(tiles):.5f} (range {made_range(tiles, 5)})")
    print(f"  a whole frame at 640x360 {statistics.median(each.finish for each in small):.3f} s")
    print(f"  / reading it = {statistics.median(finishes):.2f} (range {made_range(finishes)})")
    rows = {"large": large, "small": small}
    return {name: [asdict(each) for each in made] for name, made in rows.items()}


def _screen(scene: Path, rounds: int, folder: Path) -> dict[str, Any]:
    ticks, lasts = [], []
    for index in range(rounds):
        homes = folder / f"ticks-{index}", folder / f"last-{index}"
        for home in homes:
            home.mkdir()
        ticks.append(screen.thousand(homes[0]))
        lasts.append(screen.last(scene, homes[1]))
    ratios = [each.busy / each.idle for each in ticks]
    print(f"\nBlender's interface while 1000 tiles come, median of {rounds} rounds")
    print(f"  a tick {1e3 * statistics.median(each.busy for each in ticks):.2f} ms at the 99th percentile,")
    print(f"  {1e3 * statistics.median(each.work for each in ticks):.2f} ms of it its own work")
    print(f"  / while nothing comes = {statistics.median(ratios):.2f} (range {made_range(ratios)})")
    print(f"  last verdict to last tile shown {statistics.median(each.shown for each in lasts):.2f} s")
    print(f"  last verdict to the whole frame shown {statistics.median(each.over for each in lasts):.2f} s")
    return {"ticks": [asdict(each) for each in ticks], "last": [asdict(each) for each in lasts]}


def _warmth(blend: Path, folder: Path) -> dict[str, Any]:
    if not blend.is_file():
        print(f"\nSKIPPED: keeping {blend.name} warm; there is no {blend}")
        return {}
    made = [asyncio.run(warmth.measure(blend.absolute(), WARM_SPP, folder)) for _ in range(WARM_ROUNDS)]
    farm = warmth.farm(blend.absolute(), WARM_SPP, folder)
    rows = {
        "second tile's start / first one's (goal 0.20 at most)": [m.warm / m.cold for m in made],
        "32 tiles / plain frame (goal 1.15 at most)": [m.tiles / m.plain for m in made],
        "a fresh Blender each / 32 tiles (goal 5 at least)": [farm / m.tiles for m in made],
    }
    print(f"\n{blend.name} kept warm, 32 tiles of 64x64 at {WARM_SPP} spp, median of {WARM_ROUNDS} rounds")
    for name, ratios in rows.items():
        print(f"  {name} = {statistics.median(ratios):.2f} (range {made_range(ratios)})")
    return {"farm": farm, "rounds": [asdict(each) for each in made]}


def _differences(scene: Path, samples: int, scale: int, folder: Path) -> dict[str, float]:
    shares = differences.measure(scene, samples, scale, folder)
    print("\npixels that are off, in share of the frame")
    for name, share in shares.items():
        print(f"  {name:20} {share:.5f}")
    return shares


def made_range(values: list[float], digits: int = 2) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


if __name__ == "__main__":
    typer.run(main)
