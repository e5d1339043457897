"""The record of a job that has not ended, in its output folder while the deposit is in the escrow.

With it, `tegula refund` gets the rest back.
"""

import json
from pathlib import Path

from tegula_blender.session.deal import Deal
from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import Address, InvalidValue, Order

RECORD = "unfinished-job.json"


def keep(deal: Deal, folder: Path) -> None:
    """Written before money moves, so that no kill can make the terms unknown."""
    record = {"escrow": codec.encode(deal.domain.escrow), "order": codec.encode(deal.order)}
    (folder / RECORD).write_text(json.dumps(record) + "\n")


def drop(folder: Path) -> None:
    (folder / RECORD).unlink(missing_ok=True)


def read(folder: Path) -> tuple[Address, Order]:
    """The escrow's address and the order of a job that did not end.

    Raises:
        InvalidValue: there is no such record, or it is not one.
    """
    path = folder / RECORD
    try:
        raw = json.loads(path.read_text())
        return codec.decode(Address, raw["escrow"]), codec.decode(Order, raw["order"])
    except OSError as error:
        raise InvalidValue(f"no job is unfinished in {folder}: there is no {RECORD}") from error
    except (ValueError, TypeError, KeyError, MalformedInput) as error:
        raise InvalidValue(f"{path} is not the record of a job: {error}") from error
