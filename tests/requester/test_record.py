"""The record that a job leaves until it is closed."""

import json
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from requester_samples import order
from tegula import record
from tegula_blender.client import Client
from tegula_blender.session.deal import Deal
from tegula_market.adapters import signing
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, InvalidValue
from tegula_market.vouchers import Domain

KEY = Key.generate()
DOMAIN = Domain(1337, Address(bytes([4]) * 20))


@pytest.fixture
def made() -> Deal:
    return Deal.of(order(), DOMAIN, cast("Client", None), partial(signing.sign, key=KEY))


def test_the_record_has_what_a_refund_needs_and_no_key(made: Deal, tmp_path: Path) -> None:
    record.keep(made, tmp_path)
    assert record.read(tmp_path) == (DOMAIN.escrow, made.order)
    assert bytes(KEY.account.key).hex() not in (tmp_path / record.RECORD).read_text()
    record.drop(tmp_path)
    record.drop(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no job is unfinished"):
        record.read(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"escrow": "0x12", "order": {}}), "\x00"])
def test_a_damaged_record_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / record.RECORD).write_text(text)
    with pytest.raises(InvalidValue, match="not the record of a job"):
        record.read(tmp_path)
