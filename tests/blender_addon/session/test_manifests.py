from pathlib import Path, PureWindowsPath

import pytest

from tegula_blender.session import manifests
from tegula_blender.session.blender import SceneRefused
from tegula_market.digests import digest


def test_files_lie_below_the_folder_that_they_share(tmp_path: Path) -> None:
    blend, texture, copy = (tmp_path / name for name in ("shot/a.blend", "maps/b.png", "scratch.blend"))
    for path in (texture, copy):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode())
    listed, blobs = manifests.manifest(blend, {blend: copy, texture: texture})
    assert listed.blend == "shot/a.blend"
    assert [(file.path, file.size) for file in listed.files] == [("maps/b.png", 5), ("shot/a.blend", 13)]
    assert blobs == {digest(b"scratch.blend"): copy, digest(b"b.png"): texture}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match=r"a\.blend cannot be read .* see to its permissions"):
        manifests.manifest(tmp_path / "a.blend", {tmp_path / "a.blend": tmp_path / "a.blend"})


def test_files_on_other_drives() -> None:
    blend = PureWindowsPath("C:/shots/a.blend")
    near = [blend, PureWindowsPath("c:/maps/b.png")]
    manifests.check_drives(blend, near)
    far = [PureWindowsPath("D:/maps/c.png"), PureWindowsPath("//nas/share/d.vdb")]
    with pytest.raises(SceneRefused) as caught:
        manifests.check_drives(blend, [*near, *far])
    assert caught.value.sentences == (
        r"D:\maps\c.png lies on another drive than C:\shots\a.blend; keep both on one.",
        r"\\nas\share\d.vdb lies on another drive than C:\shots\a.blend; keep both on one.",
    )
