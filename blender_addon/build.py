"""Builds the Blender extension: one zip for every platform and Python, and a static repository of it.

    python blender_addon/build.py --out build/addon
    python blender_addon/build.py --out build/addon --repository build/addon-repository

What Blender checks of an extension is checked by Blender's own command, which comes with the bpy module.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "blender_addon" / "tegula_blender"
WHEELS = "ecdsa", "six"
"""Pure Python, beside tegula_market's own; what else is wanted Blender brings."""
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Blender extension.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the zip")
    parser.add_argument("--repository", type=Path, help="folder for a static repository with the zip in it")
    options = parser.parse_args()
    built = build(options.out)
    print(built)
    if options.repository is not None:
        print(repository(built, options.repository))


def build(out: Path) -> Path:
    """The zip, which Blender's command has found to be right."""
    manifest = tomllib.loads((SOURCE / "blender_manifest.toml").read_text())
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{manifest['id']}-{manifest['version']}.zip"
    with TemporaryDirectory() as scratch:
        source = Path(scratch) / "tegula"
        shutil.copytree(SOURCE, source, ignore=NOT_SHIPPED)
        wheels = _wheels(source / "wheels")
        _name_wheels(source / "blender_manifest.toml", wheels)
        shutil.copy(ROOT / "LICENSE", source)
        _extension("build", "--source-dir", str(source), "--output-filepath", str(target.absolute()))
    _extension("validate", str(target.absolute()))
    return target


def repository(built: Path, folder: Path) -> Path:
    """index.json beside the zip: any web server can serve it, and Blender install and update from there."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(built, folder)
    _extension("server-generate", "--repo-dir", str(folder.absolute()))
    return folder / "index.json"


def _wheels(folder: Path) -> list[Path]:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    pinned = ["-c", str(ROOT / "constraints.txt")]
    _run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT / "market")])
    _run([*pip, "download", "--no-deps", "--only-binary", ":all:", "-d", str(folder), *pinned, *WHEELS])
    return sorted(folder.glob("*.whl"))


def _name_wheels(manifest: Path, wheels: list[Path]) -> None:
    listed = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    said, _, permissions = manifest.read_text().partition("[permissions]")
    manifest.write_text(f"{said}wheels = [\n{listed}]\n\n[permissions]{permissions}")


def _extension(*arguments: str) -> None:
    command = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core/bl_pkg/cli/blender_ext.py"
    _run([sys.executable, str(command), *arguments])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
