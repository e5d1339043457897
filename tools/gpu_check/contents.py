"""What belongs into the kit, and where it lies there.

run                     starts a program of the kit
python/                 Python with its standard library, libraries of the system, packages
tegula/                 this repository's programs, benchmarks and examples
shared/scenes/          scenes that are not ours, as far as they are here
"""

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tegula_market.model import TegulaError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "scenes"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STANDARD = Path(os.__file__).parent
# Debian's own Python looks for packages in a folder of another name.
PACKAGES = (
    f"python/lib/{VERSION}/{'dist' if 'deb_system' in sysconfig.get_scheme_names() else 'site'}-packages"
)
SYSTEM = "python/lib/system"
PROJECTS = ("market", "coordinator", "worker", "requester", "blender_addon")
TRACKED = (*PROJECTS, "bench", "examples", "tools", "docs/verification", "LICENSE")
ROOTS = ("tegula[local]", "tegula-worker[bpy]", "scikit-image", "matplotlib")
"""The programs, and what the benchmarks take beside them."""
FIRST = ("zstandard",)
"""Packages that have to be there before the rest can be read."""
PROGRAMS = {
    "tegula": "tegula.cli",
    "tegula-coordinator": "tegula_coordinator.cli",
    "tegula-worker": "tegula_worker.cli",
}
PROGRAM = """#!/bin/sh
exec "$(dirname -- "$0")/{version}" -c 'from {module} import app; app(prog_name="{name}")' "$@"
"""
NOT_STANDARD = (
    *("__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests"),
    *("tkinter", "turtledemo", "config-*", "*_tkinter*"),
)
"""Of the standard library: what nothing here imports."""
OF_EVERY_SYSTEM = (
    *("ld-linux*", "libc.so.*", "libdl.so.*", "libm.so.*", "libpthread.so.*", "libresolv.so.*", "librt.so.*"),
    *("libutil.so.*", "linux-vdso.so.*", "libcuda.so.*", "libnvidia-*", "libnsl.so.*"),
)
"""The C library and the driver have to be the machine's own."""
FILTER = "libseccomp.so.2"
"""As the worker's sandbox loads it (`tegula_worker.syscalls`)."""
LEFT_OUT = (
    "__pycache__/*",
    "*/__pycache__/*",
    "*/tests/*",
    "*.pth",
    "*/direct_url.json",  # has a path of this machine
    "*/RECORD",
    "bpy/4.5/datafiles/assets/*",
    "bpy/4.5/datafiles/fonts/Noto*",
    "bpy/4.5/datafiles/studiolights/*",
    "bpy/4.5/python/*/MaterialX/*",
    "bpy/4.5/python/*/openvdb*",
    "bpy/4.5/python/*/pxr/*",
    "bpy/4.5/scripts/addons_core/cycles/lib/*.fatbin.zst",  # HIP
    "bpy/4.5/scripts/addons_core/cycles/lib/*.hipfb.zst",
    "bpy/4.5/scripts/addons_core/cycles/lib/kernel_sm_[3-6]?.cubin.zst",  # cards older than RTX
    "bpy/4.5/scripts/addons_core/cycles/lib/kernel_sm_70.cubin.zst",
    "bpy/4.5/scripts/addons_core/[bhinprv]*",
    "bpy/lib/libOpenImageDenoise_device_hip*",
    "bpy/lib/libOpenImageDenoise_device_sycl*",
    "bpy/lib/materialx/*",
)
"""Of packages: what Cycles without a window does not use on a processor or an NVIDIA card. oneAPI's
kernels and libraries in bpy/lib stay, since Blender is linked with them and does not start otherwise."""


class NotFound(TegulaError):
    """Something that belongs into the kit is not here; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Piece:
    name: str
    """Its path in the kit."""
    source: Path | None = None
    text: str = ""
    """Of a script that is made for the kit, where there is no source."""
    base: bool = False
    """Has to be there before the rest can be read."""


def pieces() -> list[Piece]:
    """All files of the kit, each once, by name.

    Raises:
        NotFound: something is missing here.
    """
    found: dict[str, Piece] = {}
    for piece in (*_packages(), *_python(), *_repository(), *_scenes()):
        found.setdefault(piece.name, piece)
    binaries = [piece.source for piece in found.values() if piece.source and _is_binary(piece.name)]
    for library in _libraries(binaries):
        found.setdefault(f"{SYSTEM}/{library.name}", Piece(f"{SYSTEM}/{library.name}", library, base=True))
    return [found[name] for name in sorted(found)]


def _python() -> Iterator[Piece]:
    program = Path(sys.base_prefix) / "bin" / VERSION
    if not program.is_file():
        raise NotFound(f"there is no {program}: make the virtual environment with a {VERSION} that has it")
    for name in (VERSION, "python3", "python"):
        yield Piece(f"python/bin/{name}", program, base=True)
    for path in _below(STANDARD):
        if not any(_matches(part, NOT_STANDARD) for part in path.relative_to(STANDARD).parts):
            yield Piece(f"python/lib/{VERSION}/{path.relative_to(STANDARD)}", path, base=True)
    for name, module in PROGRAMS.items():
        text = PROGRAM.format(version=VERSION, module=module, name=name)
        yield Piece(f"python/bin/{name}", text=text)
    bubblewrap, filtering = shutil.which("bwrap"), _loaded(FILTER)
    if bubblewrap and filtering:
        yield Piece("python/bin/bwrap", Path(bubblewrap))
        yield Piece(f"{SYSTEM}/{FILTER}", filtering)
    yield Piece("run", ROOT / "tools" / "gpu_check" / "run.sh", base=True)


def _packages() -> Iterator[Piece]:
    house = (os.path.relpath(f"tegula/{project}", PACKAGES) for project in PROJECTS)
    yield Piece(f"{PACKAGES}/house.pth", text="".join(f"{path}\n" for path in house))
    for name, distribution in _distributions().items():
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if ".." in file.parts or _matches(str(file), LEFT_OUT) or not path.is_file():
                continue
            yield Piece(f"{PACKAGES}/{file}", path, base=name in FIRST)


def _distributions() -> dict[str, metadata.Distribution]:
    """Those of ROOTS and all that they require, by name."""
    found: dict[str, metadata.Distribution] = {}
    known: set[tuple[str, str]] = set()
    wanted = [Requirement(root) for root in (*ROOTS, *FIRST)]
    while wanted:
        requirement = wanted.pop()
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError as error:
            raise NotFound(f"{requirement.name} is not installed: run make setup") from error
        name = distribution.metadata["Name"]
        found[name] = distribution
        for extra in {"", *requirement.extras} - {extra for of, extra in known if of == name}:
            known.add((name, extra))
            needed = map(Requirement, distribution.requires or ())
            wanted += [
                each for each in needed if each.marker is None or each.marker.evaluate({"extra": extra})
            ]
    return found


def _repository() -> Iterator[Piece]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TRACKED]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in listed.stdout.split("\0")[:-1]:
        if (ROOT / name).is_file():  # one that was removed is listed until that is committed
            yield Piece(f"tegula/{name}", ROOT / name)


def _scenes() -> Iterator[Piece]:
    for path in _below(SHARED) if SHARED.is_dir() else ():
        yield Piece(f"shared/scenes/{path.relative_to(SHARED)}", path)


def _libraries(binaries: list[Path]) -> Iterator[Path]:
    """Of the system, that the binaries are linked with."""
    command = ["ldd", *map(str, binaries)]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)  # some are no programs: 1
    for line in listed.stdout.splitlines():
        name, arrow, path = (part.strip() for part in line.partition("=>"))
        where = Path(path.partition(" (")[0])
        mine = any(where.is_relative_to(folder) for folder in (Path(sys.prefix), STANDARD))
        if arrow and where.is_absolute() and not mine and not _matches(name, OF_EVERY_SYSTEM):
            yield where


def _loaded(library: str) -> Path | None:
    """Where the system has a library that no binary is linked with, since Python loads it by its name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return None
    lines = Path("/proc/self/maps").read_text().splitlines()
    paths = (Path(words[5]) for line in lines if len(words := line.split(maxsplit=5)) == 6)
    return next(path for path in paths if path.name.startswith(library))


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _is_binary(name: str) -> bool:
    return name.endswith((".so", f"bin/{VERSION}", "bin/bwrap")) or ".so." in name


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
