"""Files that are whole and on the disk, or as they were, whenever the power goes."""

import os
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes) -> None:
    """For the owner's eyes; on the disk when this returns, the name included.

    Raises: OSError: what was there before still is.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)  # on a disk that is full, above all
        raise
    settle(path.parent)


def settle(folder: Path) -> None:
    """Names in it are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
