from pathlib import Path

import pytest

from tegula_coordinator.config import Config, ConfigError, load
from tegula_market.model import ETHER, NOBODY

GOOD = f"""
rpc = "http://127.0.0.1:8545"
escrow = "0x{"ab" * 20}"
key_file = "keys/coordinator.key"
curve_key_file = "/etc/tegula/curve.key"
tokens_file = "tokens"
verifiers = ["0x{"cd" * 32}"]
lease_seconds = 60
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "coordinator.toml"
    path.write_text(text)
    return load(path)


def test_a_file_is_read_with_paths_relative_to_it(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.escrow == b"\xab" * 20
    assert config.key_file == tmp_path / "keys/coordinator.key"
    assert config.curve_key_file == Path("/etc/tegula/curve.key")
    assert config.verifiers == (b"\xcd" * 32,)
    assert config.lease_seconds == 60.0
    assert read(tmp_path, GOOD + "drain_seconds = 0").drain_seconds == 0
    assert read(tmp_path, GOOD + "log = 'json'").log == "json"
    assert config.currency == ETHER
    assert (config.arbiter, config.root_after_seconds) == (NOBODY, 3600.0)
    assert read(tmp_path, GOOD + f"arbiter = '0x{'ef' * 20}'").arbiter == b"\xef" * 20
    assert read(tmp_path, GOOD + f"currency = '0x{'ef' * 20}'").currency == b"\xef" * 20
    assert (config.operator_token_file, config.explorer) == (None, "")
    token = read(tmp_path, GOOD + "operator_token_file = 'operator.token'").operator_token_file
    assert token == tmp_path / "operator.token"
    assert (config.sign_in, config.public_http, config.sign_in_seconds) == (False, "", 3600.0)
    offered = read(tmp_path, GOOD + "sign_in = true\npublic_http = 'https://render.example.org:8443/x'")
    assert (offered.sign_in, offered.public_http) == (True, "https://render.example.org:8443/x")
    assert config.database_url.startswith("sqlite:///")
    assert (config.blobs, config.s3_credentials_file) == ("", None)
    assert read(tmp_path, GOOD + "blobs = 'stuff'").blobs == str(tmp_path / "stuff")
    away = read(tmp_path, GOOD + "blobs = 's3://bucket/here'\ns3_credentials_file = 'keys/s3'")
    assert (away.blobs, away.s3_credentials_file) == ("s3://bucket/here", tmp_path / "keys/s3")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("sqlite:///book.db", "sqlite:///{}/book.db"),
        ("sqlite:///data/book.db?timeout=9", "sqlite:///{}/data/book.db?timeout=9"),
        ("sqlite:////srv/book.db", "sqlite:////srv/book.db"),
        ("postgresql://me@host/book?passfile=pgpass", "postgresql://me@host/book?passfile=pgpass"),
        ("", "sqlite:///{}/data/book.db"),
    ],
)
def test_a_database_in_a_file_is_where_the_configuration_says(
    tmp_path: Path, written: str, read_as: str
) -> None:
    read_from = read(tmp_path, GOOD + f"data = 'data'\ndatabase = '{written}'")
    assert read_from.database_url == read_as.format(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("hptt = '127.0.0.1:1'", "unknown keys hptt"),
        ("http = 8700", "http has a value of the wrong kind"),
        ("lease_seconds = -1", "lease_seconds"),
        ("heartbeat_seconds = true", "heartbeat_seconds"),
        ("currency = 'USDC'", "hex digits"),
        ("verifiers = ['0xcd']", "32 bytes"),
        ("verifiers = ['not hex']", "hex digits"),
        ("drain_seconds = -1", "drain_seconds"),
        ("log = 'yaml'", "log wants one of text, json, not 'yaml'"),
        ("max_blob_bytes = 1.5", "max_blob_bytes"),
        ("explorer = 'javascript:alert(1)'", "explorer wants a URL"),
        ("operator_token_file = 7", "operator_token_file"),
        ("sign_in = true", "sign_in wants public_http"),
        ("sign_in = 1", "sign_in has a value of the wrong kind"),
        ("sign_in_jobs = 0", "sign_in_jobs wants 1 or more, not 0"),
        ("public_http = 'render.example.org'", "public_http wants a URL like"),
        ("public_http = 'https://ann@example.org'", "public_http wants a URL like"),
        ("public_http = 'https://example.org\\nURI: x'", "public_http wants a URL like"),
        ("x = ", "cannot read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, says: str) -> None:
    key = change.split(" ", maxsplit=1)[0]
    kept = "\n".join(line for line in GOOD.splitlines() if not line.startswith(key + " "))
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, kept + "\n" + change)


def test_missing_keys_are_listed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rpc, key_file, curve_key_file"):
        read(tmp_path, "")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "nowhere.toml")
