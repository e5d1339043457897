"""Bans and prices as an operator reads them on a terminal. Pure."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tegula_coordinator.dashboard.operating import Bans, Prices
from tegula_coordinator.status_view import SHORT, span
from tegula_market.model import ETHER


def bans(told: Bans, now: float) -> RenderableType:
    if not told.bans:
        return Text("nobody is banned")
    table = _table("worker", "device", "since", "reason")
    for each in told.bans:
        ago = f"{span(max(0, int(now - each.at)))} ago"
        table.add_row("0x" + each.worker.hex(), Text(each.device), ago, Text(each.reason))
    return table


def prices(told: Prices, now: float) -> RenderableType:
    if not told.prices:
        return Text("nothing was rendered yet, so there is no price")
    table = _table("device", "in", "price now", "as of", "low", "high", "megasamples")
    for each in told.prices:
        ago = f"{span(max(0, int(now - each.hour)))} ago"
        token = "wei" if each.token == ETHER else f"0x{each.token.hex()[:SHORT]}"
        amounts = (f"{each.price:,}", ago, f"{each.low:,}", f"{each.high:,}", f"{each.megasamples:,.1f}")
        table.add_row(Text(each.device), token, *amounts)
    return table


def _table(*columns: str) -> Table:
    table = Table()
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
