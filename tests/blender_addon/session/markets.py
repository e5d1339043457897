"""Markets made by hand, for the tests of what a quote makes of them."""

from tegula_blender.market_view import MarketView, Present, Priced, Speed
from tegula_blender.session.speeds import Pilot
from tegula_market.model import Wei

NOW = 1_800_000_000.0
VERIFIER = Present("4.5.15", "CPU", 2, None)


def worker(
    price: int | None = None,
    *,
    slots: int = 2,
    ago: float = 240,
    device: str = "CPU",
    blender: str = "4.5.15",
) -> Present:
    return Present(blender, device, slots, None if price is None else Priced(Wei(price), NOW - ago))


def speed(device: str = "CPU", mean: float = 2.0, *, load: float = 0.0, probe: float = 0.0) -> Speed:
    return Speed(device, 12, 2, mean, mean * 0.75, mean * 1.25, load, 0.0, probe)


def market(
    *workers: Present,
    speeds: tuple[Speed, ...] = (),
    verifiers: tuple[Present, ...] = (VERIFIER,),
    prices: tuple[Priced, ...] = (),
) -> MarketView:
    return MarketView(NOW, 2.0, workers, verifiers, prices, speeds)


def pilot(
    *rates: float, device: str = "CPU", note: str = "", start: float = 0.0, whole: bool = True
) -> Pilot:
    return Pilot(device, note, 0.0, start, 16, whole, rates, rates, 1.0, 4, tuple(range(len(rates))))
