import json
import stat
from pathlib import Path

import pytest

from tegula_blender.session.purse import KEY, KNOWN, Purse
from tegula_market import vouchers
from tegula_market.adapters import signing
from tegula_market.adapters.devchain import dev_key
from tegula_market.adapters.devkeys import NotLocal
from tegula_market.model import Address, InvalidValue, JobId, Wei
from tegula_market.vouchers import Domain

URL = "http://127.0.0.1:8000"
DOMAIN, OTHER = Domain(1337, Address(bytes([4]) * 20)), Domain(1337, Address(bytes([5]) * 20))


def test_an_account_is_made_once_and_signs(tmp_path: Path) -> None:
    purse = Purse(tmp_path)
    assert Purse(tmp_path).address == purse.address
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    payload = vouchers.close_payload(DOMAIN, JobId(bytes(32)), Wei(1))
    assert signing.recover(payload, purse.sign(payload)) == purse.address


def test_a_coordinator_keeps_to_its_escrow(tmp_path: Path) -> None:
    Purse(tmp_path).trust(URL, DOMAIN)
    Purse(tmp_path).trust(URL, DOMAIN)
    Purse(tmp_path).trust("http://elsewhere", OTHER)
    for other in (OTHER, Domain(1, DOMAIN.escrow)):
        with pytest.raises(InvalidValue, match=r"another escrow contract.*Nothing is paid"):
            Purse(tmp_path).trust(URL, other)
    Purse(tmp_path).trust(URL, DOMAIN)


def test_a_key_that_everybody_has_is_refused_off_test_chains(tmp_path: Path) -> None:
    signing.save_key(tmp_path / KEY, dev_key(3, 31_337))
    Purse(tmp_path).trust(URL, DOMAIN)
    with pytest.raises(NotLocal, match="refused on chain 8453"):
        Purse(tmp_path).trust("http://elsewhere", Domain(8453, DOMAIN.escrow))


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"coordinators": [URL]}), "\x00"])
def test_what_is_damaged_is_not_taken_for_new(tmp_path: Path, text: str) -> None:
    (tmp_path / KNOWN).write_text(text)
    with pytest.raises(InvalidValue, match="cannot be read"):
        Purse(tmp_path).trust(URL, DOMAIN)
