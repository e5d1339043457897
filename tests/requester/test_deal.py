"""The record that a job leaves until it is closed."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from requester_samples import order
from tegula import deal
from tegula.deal import Deal
from tegula_blender.client import Client
from tegula_market import tiling, vouchers
from tegula_market.adapters import signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, InvalidValue, Voucher, Wei
from tegula_market.vouchers import Domain

DOMAIN = Domain(1337, Address(bytes([4]) * 20))


@pytest.fixture
def made() -> Deal:
    escrow = cast("Escrow", SimpleNamespace(domain=DOMAIN))
    return Deal.of(order(), Key.generate(), Key.generate(), cast("Client", None), escrow)


def test_the_record_has_what_a_refund_needs_and_no_key(made: Deal, tmp_path: Path) -> None:
    deal.keep_record(made, tmp_path)
    assert deal.read_record(tmp_path) == (DOMAIN.escrow, made.order)
    text = (tmp_path / deal.RECORD).read_text()
    for key in (made.session, made.requester):
        assert bytes(key.account.key).hex() not in text
    deal.drop_record(tmp_path)
    deal.drop_record(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no job is unfinished"):
        deal.read_record(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"escrow": "0x12", "order": {}}), "\x00"])
def test_a_damaged_record_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / deal.RECORD).write_text(text)
    with pytest.raises(InvalidValue, match="not the record of a job"):
        deal.read_record(tmp_path)


def test_the_session_key_signs(made: Deal) -> None:
    voucher = Voucher(made.job, Address(bytes([9]) * 20), Wei(5))
    assert made.tiles == tiling.split(made.order)
    signed = {
        "voucher": (vouchers.voucher_payload(DOMAIN, voucher), made.sign_voucher(voucher)),
        "close": (vouchers.close_payload(DOMAIN, made.job, Wei(5)), made.sign_close(Wei(5))),
    }
    for payload, signature in signed.values():
        assert signing.recover(payload, signature) == made.session.address
