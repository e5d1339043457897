import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tegula_market.adapters import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """How the process logged before, pytest's own handlers included."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_text_is_one_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(0)
    structlog.get_logger().info("tile accepted", tile=7)
    structlog.get_logger().debug("nobody asked")
    (line,) = said(capsys)
    assert line.startswith("timestamp=")
    assert line.endswith('level=info event="tile accepted" tile=7')


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(0, as_json=True)
    log = structlog.get_logger()
    log.info("tile accepted", tile=7, reason="two\nlines")
    try:
        int("odd")
    except ValueError:
        log.exception("cannot judge")
    first, second = (json.loads(line) for line in said(capsys))
    assert first.keys() == {"timestamp", "level", "event", "tile", "reason"}
    assert (first["event"], first["level"], first["tile"]) == ("tile accepted", "info", 7)
    assert "ValueError: invalid literal" in second["exception"]


def test_libraries_speak_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(-1, as_json=True)
    library = logging.getLogger("uvicorn.error")
    library.info("nobody asked")
    try:
        int("odd")
    except ValueError:
        library.exception("Exception in ASGI application")
    (told,) = (json.loads(line) for line in said(capsys))
    assert (told["event"], told["level"]) == ("Exception in ASGI application", "error")
    assert "ValueError: invalid literal" in told["exception"]
