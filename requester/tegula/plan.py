"""Which frames to order, as people write them. What an order costs is `tegula_blender.session.planning`."""

import re

from tegula_market.model import InvalidValue

MOST_FRAMES = 100_000


def parse_frames(text: str) -> tuple[int, ...]:
    """Frame numbers of "7", "1-3" or "1-3,7,-5--2", in their order, each once.

    Raises:
        InvalidValue: not such a list, a range that runs backwards, or more frames than anybody wants.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?[0-9]{1,7})(?:-(-?[0-9]{1,7}))?\s*", part)
        if match is None:
            raise InvalidValue(f"no frames: {text!r}; write them like 7, 1-3 or 1-3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= MOST_FRAMES:
            raise InvalidValue(f"no frames: {part.strip()!r} has to run from a first to a last frame")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)
