"""A .blend on the artist's disk, looked at in a Blender of its own."""

from pathlib import Path

from tegula_blender.session import blender as blenders
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.packed import PackedScene, pack

MAGIC = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")
"""Of a plain .blend, and of one compressed with zstd (Blender 3 and later) or gzip."""


def inspect_scene(
    blend: Path,
    *,
    scratch: Path,
    blender: Path | None = None,
    frames: tuple[int, ...] | None = None,
    samples: int | None = None,
    scale: int | None = None,
) -> PackedScene:
    """Open a .blend in a Blender of its own and find out what is to be rendered.

    Args:
        scratch: a folder that lasts as long as `PackedScene.sources` are wanted.
        samples, scale: instead of the scene's samples and resolution percentage.
    Raises:
        SceneRefused: it cannot be rendered in tiles; one sentence for each reason.
    """
    blend = blend.absolute()
    check(blend)
    answer = blenders.ask("inspect", blender, blend=str(blend), samples=samples, percentage=scale)
    return pack(answer, scratch=scratch, blender=blender, frames=frames)


def check(blend: Path) -> None:
    """What can be told of a file in no time, before a Blender is started.

    Raises:
        SceneRefused: it is not there, or is not a .blend.
    """
    try:
        with blend.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise SceneRefused(f"{blend} cannot be read ({error.strerror}); name a .blend file.") from error
    if not start.startswith(MAGIC):
        raise SceneRefused(f"{blend} is not a .blend file; save the scene from Blender and name that file.")
