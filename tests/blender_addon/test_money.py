import pytest

from tegula_blender.money import Money


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 USD"), (1, "0.000001 USD"), (1_500_000, "1.5 USD"), (2_000_000, "2 USD"), (10, "0.00001 USD")],
)
def test_amounts_are_exact(amount: int, text: str) -> None:
    assert Money("USD", 6).text(amount) == text


def test_whole_tokens_and_large_ones() -> None:
    assert Money("PT", 0).text(100) == "100 PT"
    assert Money("ETH", 18).text(10**30 + 1) == "1000000000000.000000000000000001 ETH"
