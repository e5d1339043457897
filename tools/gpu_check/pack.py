"""`make gpu-kit`: packs Python, Blender and this repository for a Linux machine that has a driver only.

Two archives, cut into parts: `base.tar.gz` holds Python and what it takes to read zstd, which a bare machine
may not have; `rest.tar.zst` holds all else. `MANIFEST` has the parts' SHA-256 digests, as `sha256sum` writes
them, and `unpack.sh` goes along.
"""

import gzip
import hashlib
import io
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer
import zstandard

from tools.gpu_check import contents
from tools.gpu_check.contents import NotFound, Piece

HERE = Path(__file__).parent
UNPACK = HERE / "unpack.sh"
MANIFEST = "MANIFEST"
GZIP_LEVEL = 9
LAST = Piece("complete", text="Everything was unpacked.\n")
"""unpack.sh looks for it."""


class Parts(io.RawIOBase):
    """A file that is cut into parts of so many bytes: NAME.000, NAME.001 and so on."""

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self._folder, self._name, self._size = folder, name, size
        self._part: BinaryIO | None = None
        self._left = 0
        self.paths: list[Path] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override] # RawIOBase takes any buffer
        view = memoryview(data)
        written = 0
        while written < len(view):
            if not self._left:
                self._next()
            assert self._part is not None
            piece = view[written : written + self._left]
            self._part.write(piece)
            written += len(piece)
            self._left -= len(piece)
        return written

    def close(self) -> None:
        if self._part is not None:
            self._part.close()
        super().close()

    def _next(self) -> None:
        if self._part is not None:
            self._part.close()
        path = self._folder / f"{self._name}.{len(self.paths):03}"
        self.paths.append(path)
        self._part, self._left = path.open("wb"), self._size


def main(
    out: Annotated[Path, typer.Option(help="new folder for the parts")],
    part: Annotated[int, typer.Option(min=1, help="the largest part, in MiB")] = 24,
    level: Annotated[int, typer.Option(min=1, max=22, help="of zstd")] = 19,
) -> None:
    if out.exists() and any(out.iterdir()):
        sys.exit(f"{out} is not empty: name another folder, or remove it")
    try:
        parts = pack(out, part << 20, level)
    except NotFound as error:
        sys.exit(f"pack: {error}")
    total = sum(path.stat().st_size for path in parts)
    print(
        f"{len(parts)} parts, {total / 1e6:.1f} MB, in {out}:"
        f" send them all, with {MANIFEST} and {UNPACK.name}"
    )


def pack(out: Path, size: int, level: int) -> list[Path]:
    """
    Args:
        size: of a part, at most, in bytes.
        level: of zstd's compression; gzip's follows it up to its own most.
    Raises:
        NotFound: something that belongs into the kit is not on this machine.
    """
    out.mkdir(parents=True, exist_ok=True)
    pieces = contents.pieces()
    base = Parts(out, "base.tar.gz", size)
    # An archive of the same files has the same bytes: no time, no file name.
    with base, gzip.GzipFile("", "wb", min(level, GZIP_LEVEL), cast("BinaryIO", base), 0) as packed:
        _archive(cast("BinaryIO", packed), [piece for piece in pieces if piece.base])
    rest = Parts(out, "rest.tar.zst", size)
    compressor = zstandard.ZstdCompressor(level=level, threads=-1)
    with rest, compressor.stream_writer(cast("BinaryIO", rest)) as stream:
        _archive(cast("BinaryIO", stream), [*(piece for piece in pieces if not piece.base), LAST])
    parts = [*base.paths, *rest.paths]
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in parts)
    (out / MANIFEST).write_text("".join(lines))
    shutil.copyfile(UNPACK, out / UNPACK.name)
    return parts


def _archive(file: BinaryIO, pieces: list[Piece]) -> None:
    with tarfile.open(fileobj=file, mode="w|", dereference=True) as tar:
        for piece in pieces:
            if piece.source is None:
                _add_text(tar, piece)
            else:
                tar.add(piece.source, piece.name, recursive=False, filter=_anonymous)


def _add_text(tar: tarfile.TarFile, piece: Piece) -> None:
    data = piece.text.encode()
    about = tarfile.TarInfo(piece.name)
    about.size, about.mode = len(data), 0o755
    tar.addfile(about, io.BytesIO(data))


def _anonymous(about: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose they were, and when, is nobody's business; what is run has to stay so."""
    about.uid = about.gid = 0
    about.uname = about.gname = ""
    about.mtime = 0
    about.mode = 0o755 if about.mode & 0o100 else 0o644
    return about


if __name__ == "__main__":
    typer.run(main)
