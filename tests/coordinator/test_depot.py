"""Which blobs a configuration means."""

from dataclasses import replace
from pathlib import Path

import pytest

from tegula_coordinator import depot
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.config import Config, ConfigError
from tegula_market import codec

CONFIG = Config("", *[Path("unread")] * 3, data=Path("data"))


@pytest.mark.parametrize(("named", "place"), [("", "data/blobs"), ("elsewhere", "elsewhere")])
def test_a_folder_takes_uploads_beside_its_blobs(named: str, place: str) -> None:
    at = depot.where(replace(CONFIG, blobs=named))
    assert (at.place, at.incoming) == (place, f"{place}/incoming")
    assert isinstance(depot.opened(at), BlobFolder)


def test_what_a_bucket_takes_is_told_without_its_keys() -> None:
    keys = Path("hunter2")
    at = depot.where(
        replace(CONFIG, blobs="s3://tiles/farm", s3_endpoint="http://s3", s3_credentials_file=keys)
    )
    assert codec.loads(depot.Where, codec.dumps(at)) == at
    assert (at.place, at.incoming, at.credentials) == ("s3://tiles/farm", "data/incoming", "hunter2")


def test_another_kind_of_url_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match="want a folder or s3://BUCKET/PREFIX, not ftp://"):
        depot.where(replace(CONFIG, blobs="ftp://elsewhere"))
