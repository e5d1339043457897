"""A job as its requester holds it: the order, whom it is made with, and who signs for it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tegula_market import codec, tiling, vouchers
from tegula_market.adapters import light
from tegula_market.digests import digest
from tegula_market.model import JobId, Order, Signature, Tile, Voucher, Wei
from tegula_market.vouchers import Domain, Payload

from ..client import Client

Sign = Callable[[Payload], Signature]
"""By the session key that the order's terms name."""


@dataclass(frozen=True, slots=True)
class Deal:
    order: Order
    job: JobId
    tiles: tuple[Tile, ...]
    domain: Domain
    client: Client
    sign: Sign = field(repr=False)

    @classmethod
    def of(cls, order: Order, domain: Domain, client: Client, sign: Sign) -> "Deal":
        return cls(order, light.job_id(order.terms), tiling.split(order), domain, client, sign)

    def sign_order(self) -> Signature:
        return self.sign(vouchers.order_payload(self.domain, self.job, digest(codec.dumps(self.order))))

    def sign_voucher(self, voucher: Voucher) -> Signature:
        return self.sign(vouchers.voucher_payload(self.domain, voucher))

    def sign_close(self, owed: Wei) -> Signature:
        return self.sign(vouchers.close_payload(self.domain, self.job, owed))
