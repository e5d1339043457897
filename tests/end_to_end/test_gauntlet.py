"""Every kind of file that a render reads: found, laid out elsewhere as workers do, rendered bit by bit."""

import re
from pathlib import Path

import numpy as np
import pytest

import gauntlet
from scenes import SHARED
from tegula.scene import inspect_scene
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.packed import PackedScene, pack
from tegula_market.adapters import exr

pytestmark = pytest.mark.slow

SHOT = "shot/scene.blend"
CHAIN = ["lib/deep/far.blend", "lib/deep/fog.vdb", "lib/deep/grain.png", "lib/near.blend", SHOT]
WANTED = {
    "image": ["maps/a.png", SHOT],
    "absolute": ["far/a.png", SHOT],
    "udim": ["maps/u.1001.png", "maps/u.1002.png", SHOT],
    "sequence": [*(f"s_{frame:03}.png" for frame in range(1, 5)), "scene.blend"],
    "movie": ["clip.mkv", "scene.blend"],
    "vdb": ["caches/fog.vdb", SHOT],
    "vdb_sequence": [*(f"caches/fog_{frame:02}.vdb" for frame in range(1, 5)), SHOT],
    "alembic": ["caches/plane.abc", SHOT],
    "usd": ["caches/plane.usdc", SHOT],
    "font": ["fonts/mono.woff2", SHOT],
    "point_cache": [*(f"blendcache_scene/cloth_{frame:06}_00.bphys" for frame in range(1, 5)), "scene.blend"],
    "mesh_cache": ["caches/plane.pc2", SHOT],
    "simulation": ["bakes/…", "scene.blend"],
    "imported": ["meshes/a.obj", SHOT],
    "ies": ["lights/spot.ies", SHOT],
    "chain": CHAIN,
    "chain_absolute": CHAIN,
}
"""All files of a job, laid out below the folder that they share."""
NAMED = {
    "image": "Image 'a.png'",
    "absolute": "Image 'a.png'",
    "udim": "Image 'u.1002.png'",
    "sequence": "Image 's_004.png'",
    "movie": "Image 'clip.mkv'",
    "vdb": "Volume 'Fog'",
    "vdb_sequence": "Volume 'Fog'",
    "alembic": "CacheFile 'plane.abc'",
    "usd": "CacheFile 'plane.usdc'",
    "font": "Vector Font 'DejaVu Sans Mono Book'",
    "point_cache": "Object 'Plane'",
    "mesh_cache": "Object 'Plane'",
    "simulation": "Object 'Plane'",
    "imported": "Geometry Node Tree 'Import'",
    "ies": "Point Light 'Point'",
    "chain": "library",
    "chain_absolute": "library",
}
"""What asks for the file, if it is missing."""


def laid_out(packed: PackedScene, folder: Path, *, alone: bool = False) -> Path:
    """As a worker has it; or the .blend without its files."""
    for file in packed.manifest.files:
        if not alone or file.path == packed.manifest.blend:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(packed.sources[file.digest].read_bytes())
    return folder / packed.manifest.blend


def beauty(path: Path) -> np.ndarray:
    channels = exr.read(path).channels
    return np.stack([channels[name] for name in sorted(channels) if "Combined" in name])


@pytest.mark.parametrize("kind", WANTED)
def test_a_kind_of_file(kind: str, tmp_path: Path) -> None:
    made, away, scratch = (tmp_path / name for name in ("made", "away", "scratch"))
    scratch.mkdir()
    blend = gauntlet.build(kind, made)
    native, ours, bare = (tmp_path / f"{name}.exr" for name in ("native", "ours", "bare"))
    gauntlet.render((blend, native))
    packed = inspect_scene(blend, scratch=scratch)
    found = [re.sub("^bakes/.*", "bakes/…", file.path) for file in packed.manifest.files]
    place = laid_out(packed, away)
    lonely = laid_out(packed, tmp_path / "bare", alone=True)
    made.rename(tmp_path / "gone")
    gauntlet.render((place, ours), (lonely, bare))
    assert sorted(set(found)) == WANTED[kind]
    assert np.array_equal(beauty(ours), beauty(native))
    assert not np.array_equal(beauty(bare), beauty(native))
    with pytest.raises(SceneRefused) as caught:
        inspect_scene(lonely, scratch=scratch)
    assert all(
        NAMED[kind] in said and "is not there; put it there" in said for said in caught.value.sentences
    )


@pytest.mark.parametrize(
    "kind", ["image", "absolute", "point_cache", "chain", "chain_absolute", "never_saved"]
)
def test_an_open_scene_with_unsaved_changes(kind: str, tmp_path: Path) -> None:
    made, away, scratch = (tmp_path / name for name in ("made", "away", "scratch"))
    scratch.mkdir()
    made.mkdir()
    blend = made if kind == "never_saved" else gauntlet.build(kind, made)
    names = ("native", "saved", "tried", "ours")
    native, saved, tried, ours = (tmp_path / f"{name}.exr" for name in names)
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    said = gauntlet.pack_open(blend, scratch, native)
    assert said["session"]["before"] == said["session"]["after"]
    assert said["session"]["undone"] == -0.5
    packed = pack(said["answer"], scratch=scratch, blender=None)
    if kind == "never_saved":
        wanted = ["made/maps/a.png", "scratch/untitled.blend"]
    else:
        wanted = WANTED[kind]
        assert before == {path: path.stat().st_mtime_ns for path in made.rglob("*")}
        gauntlet.render((blend, saved))
        assert not np.array_equal(beauty(saved), beauty(native))
    assert [file.path for file in packed.manifest.files] == wanted
    gauntlet.render((packed.original, tried))
    place = laid_out(packed, away)
    made.rename(tmp_path / "gone")
    scratch.rename(tmp_path / "gone too")
    gauntlet.render((place, ours))
    if kind != "point_cache":  # which Blender looks for beside the .blend by its name
        assert np.array_equal(beauty(tried), beauty(native))
    assert np.array_equal(beauty(ours), beauty(native))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared scenes at {SHARED}")
def test_a_scene_of_the_world_outside(tmp_path: Path) -> None:
    packed = inspect_scene(SHARED / "column" / "the_column.blend", scratch=tmp_path)
    place = laid_out(packed, tmp_path / "away")
    native, ours = tmp_path / "native.exr", tmp_path / "ours.exr"
    gauntlet.render((packed.original, native), (place, ours))
    assert np.array_equal(beauty(ours), beauty(native))
