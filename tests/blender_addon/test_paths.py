"""What Blender 4.4 and later know of themselves, by the code that 4.2 needs: it is the only one there is."""

from pathlib import Path

import pytest

import gauntlet

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "kind",
    [
        "udim",
        "movie",
        "vdb_sequence",
        "alembic",
        "font",
        "mesh_cache",
        "ies",
        "chain_absolute",
    ],
)
def test_no_path_that_blender_tells_of_is_missed(kind: str, tmp_path: Path) -> None:
    found = gauntlet.paths_kept(gauntlet.build(kind, tmp_path))
    assert found["ours"] == found["theirs"] != []


@pytest.mark.parametrize(("kind", "path"), [("imported", "//../meshes/a.obj"), ("simulation", "//bakes")])
def test_what_geometry_nodes_read_is_found_though_blender_does_not_tell(
    kind: str, path: str, tmp_path: Path
) -> None:
    found = gauntlet.paths_kept(gauntlet.build(kind, tmp_path))
    assert found == {"ours": [path], "theirs": []}
