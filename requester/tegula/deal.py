"""A job as its requester holds it: the order, the keys, and whom it is made with."""

import json
from dataclasses import dataclass
from pathlib import Path

from tegula_blender.client import Client
from tegula_market import codec, tiling, vouchers
from tegula_market.adapters import chain, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest
from tegula_market.model import Address, InvalidValue, JobId, Order, Signature, Tile, Voucher, Wei

RECORD = "unfinished-job.json"
"""In the output folder while the deposit is in the escrow: with it, `tegula refund` gets the rest back."""


@dataclass(frozen=True, slots=True)
class Deal:
    order: Order
    job: JobId
    tiles: tuple[Tile, ...]
    session: Key
    """Signs for this job only. It exists in memory alone: whoever loses it waits for the refund."""
    requester: Key
    client: Client
    escrow: Escrow

    @classmethod
    def of(cls, order: Order, session: Key, requester: Key, client: Client, escrow: Escrow) -> "Deal":
        job = chain.job_id(order.terms)
        return cls(order, job, tiling.split(order), session, requester, client, escrow)

    def sign_order(self) -> Signature:
        order = digest(codec.dumps(self.order))
        return signing.sign(vouchers.order_payload(self.escrow.domain, self.job, order), self.session)

    def sign_voucher(self, voucher: Voucher) -> Signature:
        return signing.sign(vouchers.voucher_payload(self.escrow.domain, voucher), self.session)

    def sign_close(self, owed: Wei) -> Signature:
        return signing.sign(vouchers.close_payload(self.escrow.domain, self.job, owed), self.session)


def keep_record(deal: Deal, folder: Path) -> None:
    """Written before money moves, so that no kill can make the terms unknown."""
    escrow = codec.encode(deal.escrow.domain.escrow)
    record = {"escrow": escrow, "order": codec.encode(deal.order)}
    (folder / RECORD).write_text(json.dumps(record) + "\n")


def drop_record(folder: Path) -> None:
    (folder / RECORD).unlink(missing_ok=True)


def read_record(folder: Path) -> tuple[Address, Order]:
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
