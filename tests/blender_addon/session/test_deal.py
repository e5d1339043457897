from functools import partial
from typing import cast

from requester_samples import order
from tegula_blender.client import Client
from tegula_blender.session.deal import Deal
from tegula_market import codec, tiling, vouchers
from tegula_market.adapters import chain, light, signing
from tegula_market.digests import digest
from tegula_market.model import Address, Voucher, Wei
from tegula_market.vouchers import Domain

DOMAIN = Domain(1337, Address(bytes([4]) * 20))


def test_the_session_key_signs() -> None:
    """Whichever library signs: programs have one, Blender the other."""
    secret = bytes(range(1, 33))
    for sign in (
        partial(light.sign, key=light.Key.of_secret(secret)),
        partial(signing.sign, key=signing.Key.of_secret(secret)),
    ):
        made = Deal.of(order(), DOMAIN, cast("Client", None), sign)
        assert made.tiles == tiling.split(made.order)
        assert made.job == chain.job_id(made.order.terms)
        voucher = Voucher(made.job, Address(bytes([9]) * 20), Wei(5))
        ordered = digest(codec.dumps(made.order))
        signed = (
            (vouchers.order_payload(DOMAIN, made.job, ordered), made.sign_order()),
            (vouchers.voucher_payload(DOMAIN, voucher), made.sign_voucher(voucher)),
            (vouchers.close_payload(DOMAIN, made.job, Wei(5)), made.sign_close(Wei(5))),
        )
        for payload, signature in signed:
            assert signing.recover(payload, signature) == signing.Key.of_secret(secret).address
