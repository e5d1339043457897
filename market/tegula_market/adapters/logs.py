"""How the programs log: structlog, one event a line on stderr, a fixed message and ids as fields."""

import sys

import structlog

WARNINGS, MOVES, EVERYTHING = 30, 20, 10


def configure(verbosity: int) -> None:
    """
    Args:
        verbosity: -1 for warnings only, 0 for every move, 1 and more for everything.
    """
    level = {-1: WARNINGS, 0: MOVES}.get(verbosity, EVERYTHING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
