"""This machine's clock against the coordinator's."""

import time

import pytest

from fakes import blob_server
from tegula_market.adapters.blobs import BlobClient
from tegula_worker import clock


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (1000.0, 1000.2, ""),
        (1006.0, 1006.0, ""),  # the other second may be all but over
        (1006.1, 1006.2, "this machine's clock is 5 seconds ahead of the coordinator's"),
        (994.0, 995.0, ""),
        (993.0, 994.0, "this machine's clock is 6 seconds behind the coordinator's"),
        (990.0, 1010.0, ""),  # the answer took so long that nothing can be told
        (4600.0, 4600.0, "this machine's clock is 3599 seconds ahead of the coordinator's"),
    ],
)
def test_what_is_told(before: float, after: float, sentence: str) -> None:
    assert clock.fault(1000, before, after) == sentence


@pytest.mark.parametrize(("wrong", "told"), [(0.0, ""), (-600.0, "seconds behind"), (600.0, "seconds ahead")])
def test_the_date_of_an_answer_is_looked_at(wrong: float, told: str) -> None:
    with blob_server() as server:
        client = BlobClient(server.url)
        said = clock.compare(client, lambda: time.time() + wrong)
        client.close()
    assert (told in said, bool(said)) == (True, bool(told))
