from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from blender_addon.session.markets import NOW, VERIFIER, market, pilot, speed, worker
from blender_addon.session.test_planning import orders
from requester_samples import DOLLAR, JOB, order
from tegula_blender.market_view import MarketView, Present, Priced
from tegula_blender.session.quoting import quote
from tegula_blender.session.speeds import Pilot
from tegula_market import auction, tiling
from tegula_market.model import Adaptive, Ask, Order, Wei, WorkerId

workers = st.builds(
    worker,
    st.none() | st.integers(1, 10**9),
    slots=st.integers(1, 64),
    ago=st.floats(0, 1e6),
    device=st.sampled_from(["CPU", "OPTIX", "HIP"]),
    blender=st.sampled_from(["4.5.15", "4.5.15", "5.0.1"]),
)
speeds = st.builds(speed, mean=st.floats(1e-3, 1e6), load=st.floats(0, 100), probe=st.floats(0, 100))
markets = st.builds(
    lambda present, known, verifiers, paid: market(
        *present,
        speeds=tuple(replace(each, device=device) for device, each in known.items()),
        verifiers=(VERIFIER,) * verifiers,
        prices=tuple(Priced(Wei(price), NOW - 60) for price in paid),
    ),
    st.lists(workers, max_size=6),
    st.dictionaries(st.sampled_from(["CPU", "OPTIX"]), speeds),
    st.integers(0, 2),
    st.lists(st.integers(1, 10**9), max_size=3),
)
pilots = st.none() | st.builds(
    lambda rates, device, whole: pilot(*rates, device=device, whole=whole),
    st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=9),
    st.sampled_from(["CPU", "METAL"]),
    st.booleans(),
)


@given(orders, markets, pilots)
def test_ranges_are_ordered_exact_and_within_the_budget(
    ordered: Order, seen: MarketView, tried: Pilot | None
) -> None:
    made = quote(ordered, seen, tried, NOW, DOLLAR)
    low, high = made.price
    assert all(isinstance(amount, int) for amount in (low, high, made.budget))
    assert 0 < low <= high <= made.budget
    sizes = [tiling.size(tile, ordered.scene) for tile in tiling.split(ordered)]
    assert made.budget == auction.most(sizes, ordered.ceiling)
    assert 0 <= made.seconds[0] <= made.seconds[1]
    assert all(reason.endswith(".") for reason in made.reasons)


@given(orders, st.lists(st.tuples(st.integers(1, 400), st.integers(1, 8)), max_size=6), st.data())
def test_dearer_asks_make_no_quote_cheaper(
    ordered: Order, asks: list[tuple[int, int]], data: st.DataObject
) -> None:
    """As long as the ceiling takes them all: one that it does not take makes a job slower, not dearer."""
    ordered = replace(ordered, ceiling=Wei(1000))
    before = [worker(price, slots=slots) for price, slots in asks]
    after = [
        replace(each, ask=replace(each.ask, price=Wei(each.ask.price + data.draw(st.integers(0, 600)))))
        for each in before
        if each.ask is not None
    ]
    cheap, dear = (quote(ordered, market(*each), None, NOW, DOLLAR) for each in (before, after))
    assert cheap.price[0] <= dear.price[0]
    assert cheap.price[1] <= dear.price[1]
    assert cheap.budget == dear.budget


@given(orders, st.lists(workers, min_size=1, max_size=6), st.data())
def test_the_bill_of_a_round_lies_in_the_range(
    ordered: Order, present: list[Present], data: st.DataObject
) -> None:
    """If everybody asks what they asked before, and those who had not asked no less than the cheapest."""
    ordered = replace(ordered, ceiling=Wei(10**8))
    able = [each for each in present if each.blender == ordered.scene.blender]
    least = min((each.ask.price for each in able if each.ask), default=1)
    asks = [
        Ask(
            WorkerId(bytes([number]) * 32),
            JOB,
            each.ask.price if each.ask else Wei(data.draw(st.integers(least, 2 * 10**9))),
            each.slots,
            expiry=2,
        )
        for number, each in enumerate(able)
    ]
    cleared = auction.clear(asks, tiling.count(ordered), ordered.ceiling, now=1)
    if cleared.price is not None:
        low, high = quote(ordered, market(*present), None, NOW, DOLLAR).price
        sizes = [tiling.size(tile, ordered.scene) for tile in tiling.split(ordered)]
        assert low <= auction.most(sizes, cleared.price) <= high


def test_what_an_artist_reads() -> None:
    ordered = order()
    ordered = replace(
        ordered,
        overscan=4,
        scene=replace(ordered.scene, spp=256, adaptive=Adaptive(0.01, 0)),
        terms=replace(ordered.terms, deadline=int(NOW) + 3600),
    )
    known = (speed("CPU AMD EPYC", 2.0), speed("OPTIX NVIDIA L4", 40.0))
    seen = market(
        worker(40, device="CPU AMD EPYC"), worker(55, device="OPTIX NVIDIA L4"), worker(50), speeds=known
    )
    made = quote(ordered, seen, pilot(0.9, 1.1, 1.0, device="CPU AMD EPYC", whole=False), NOW, DOLLAR)
    assert made.reasons == (
        "6 tiles, 2.06 megasamples, the pixels around each tile included.",
        "3 workers ask 0.00004 to 0.000055 USD a megasample; the last asked 4 minutes ago.",
        "1 worker with CPU: nothing is known of how fast it is.",
        "1 worker with CPU AMD EPYC: 2 megasamples a second in the last 12 tiles of 2 jobs.",
        "1 worker with OPTIX NVIDIA L4: 40 megasamples a second in the last 12 tiles of 2 jobs.",
        "This computer (CPU AMD EPYC) did 1 megasamples a second of the scene.",
        "Its samples are 2 times as slow as those of recent jobs on that device.",
        "The noise threshold, which was left out, may make it up to 4 times as fast.",
    )
