import io

from rich.console import Console, RenderableType

from coordinator.playbook import ANN
from tegula_coordinator import operating_view
from tegula_coordinator.dashboard.operating import Banned, Bans, Price, Prices
from tegula_market.model import ETHER, Address, Wei


def shown(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_who_is_banned() -> None:
    text = shown(operating_view.bans(Bans((Banned(ANN, 1_000.0, "no [b]good[/b]", "CUDA"),)), 8_200.0))
    for words in ("0x" + ANN.hex(), "CUDA", "2 hours ago", "no [b]good[/b]"):
        assert words in text
    assert "nobody is banned" in shown(operating_view.bans(Bans(()), 0.0))


def test_what_is_paid() -> None:
    dollar = Address(b"\xab" * 20)
    told = Prices(
        (
            Price("CUDA", ETHER, Wei(1_040), 3_600, Wei(900), Wei(2_000), 12.345),
            Price("CPU", dollar, Wei(7), 0, Wei(7), Wei(7), 0.0),
        )
    )
    text = shown(operating_view.prices(told, 7_300.0))
    for words in ("1,040", "wei", "1 hour ago", "900", "2,000", "12.3", "0xababababab", "2 hours ago"):
        assert words in text
    assert "there is no price" in shown(operating_view.prices(Prices(()), 0.0))
