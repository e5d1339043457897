import pytest

from tegula_blender.money import Money
from tegula_blender.session.state import JobCard, Quote, Step
from tegula_blender.ui import words
from tegula_market.model import Wei

QUOTE = Quote((Wei(100), Wei(200)), (10.0, 20.0), Wei(500), (), Money("tUSD", 6))


def test_labels_have_one_line_each() -> None:
    assert words.wrapped("Two words.\nThree more words.", 10) == ["Two words.", "Three more", "words."]


def test_a_quote_in_a_line() -> None:
    assert words.price(QUOTE) == "0.0001 to 0.0002 tUSD"
    assert words.time(QUOTE) == "10 seconds to 20 seconds"


@pytest.mark.parametrize(
    ("card", "line", "share"),
    [
        (JobCard("a", Step.PACKING), "Packing", 0.0),
        (JobCard("a", Step.UPLOADING, sent=2_500_000, to_send=10_000_000), "2.5 of 10.0 MB sent", 0.25),
        (JobCard("a", Step.WAITING), "Waiting for workers", 0.0),
        (JobCard("a", Step.RENDERING, tiles=3, of=12), "3 of 12 tiles", 0.25),
        (
            JobCard("a", Step.RENDERING, tiles=3, of=12, seconds_left=90),
            "3 of 12 tiles, 90 seconds left",
            0.25,
        ),
    ],
)
def test_where_a_job_stands(card: JobCard, line: str, share: float) -> None:
    assert words.progress(card) == line
    assert words.share(card) == share
