"""What holds for all tests."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tegula_market.adapters import home

HERE = Path(__file__).parent

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# What is asserted beside the tests tells its values, too.
pytest.register_assert_rewrite("end_to_end.jobs", "end_to_end.kills")

# A shell has background jobs ignore Ctrl-C, and so does what they start; programs under test must hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = "end_to_end", "contracts", "requester", "worker", "examples", "market"
"""Folders with files that take a minute or more. If one of these began last, all else would wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; pytest-xdist hands out files in this order (`--no-loadscope-reorder`)."""

    def turn(item: pytest.Item) -> int:
        folder = item.path.relative_to(HERE).parts[0]
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=turn)


@pytest.fixture(autouse=True, scope="session")
def tegula_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a person keeps is not for tests to read or write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(home.VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Where root runs the tests, sandboxed renders are another user's, who reads scenes there."""
    tmp_path.chmod(0o755)
    return tmp_path
