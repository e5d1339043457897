"""How the programs log: structlog, one event a line on stderr, a fixed message and ids as fields."""

import logging
import sys

import structlog
from structlog.typing import Processor

WARNINGS, MOVES, EVERYTHING = 30, 20, 10


def configure(verbosity: int, *, as_json: bool = False) -> None:
    """
    Args:
        verbosity: -1 for warnings only, 0 for what is rare enough to be read, 1 and more for everything.
        as_json: one object a line, the warnings of libraries included.
    """
    level = {-1: WARNINGS, 0: MOVES}.get(verbosity, EVERYTHING)
    text = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    structlog.configure(
        processors=[*_common(), structlog.processors.JSONRenderer() if as_json else text],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if as_json:
        logging.basicConfig(handlers=[_libraries()], level=WARNINGS, force=True)


def _common() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _libraries() -> logging.Handler:
    """For those that log with the standard library."""
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_common(), processors=[strip, structlog.processors.JSONRenderer()]
        )
    )
    return handler
