"""Where a person's own records are kept: TEGULA_HOME, or .config/tegula in the home folder."""

import os
from pathlib import Path

VARIABLE = "TEGULA_HOME"


def folder() -> Path:
    """It may not exist yet."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".config" / "tegula"
