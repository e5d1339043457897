"""Orders for tests that need one and do not care much which."""

from hypothesis import strategies as st

from tegula_market.model import (
    ARBITER_WINDOWS,
    MOST_AUTHOR_BPS,
    NOBODY,
    Adaptive,
    Address,
    CostMap,
    Digest,
    Order,
    Rect,
    Scene,
    Terms,
    Wei,
)

CEILING, NO_MANIFEST = Wei(100), Digest(bytes(32))


def an_order(
    *,
    region: Rect | None = None,
    adaptive: Adaptive | None = None,
    frames: tuple[int, ...] = (1,),
    ceiling: Wei = CEILING,
    resolution: tuple[int, int] = (64, 48),
    tile: int = 32,
    spp: int = 16,
    overscan: int = 0,
    deadline: int = 2_000_000_000,
    blender: str = "4.5.15",
    terms: Terms | None = None,
    manifest: Digest = NO_MANIFEST,
    costs: CostMap | None = None,
) -> Order:
    made = terms or Terms(
        Address(b"\x01" * 20),
        Address(b"\x02" * 20),
        Address(b"\x03" * 20),
        Address(b"\x04" * 20),
        deadline,
        3600,
        bytes(32),
    )
    scene = Scene(manifest, blender, *resolution, 100, region, False, spp, 0, adaptive, 1)
    return Order(made, scene, frames, tile, overscan, ceiling, costs)


@st.composite
def escrow_terms(draw: st.DrawFn) -> Terms:
    """Any terms that the escrow could be asked about."""
    addresses = st.binary(min_size=20, max_size=20).map(Address)
    requester, signer, coordinator, token, arbiter, author = (draw(addresses) for _ in range(6))
    grace = draw(st.integers(0, 2**32 - 1))
    return Terms(
        requester,
        signer,
        coordinator,
        token,
        draw(st.integers(1, 2**40 - 1)),
        grace,
        draw(st.binary(min_size=32, max_size=32)),
        draw(st.integers(0, grace // (1 + ARBITER_WINDOWS))),
        arbiter,
        author,
        0 if author == NOBODY else draw(st.integers(1, MOST_AUTHOR_BPS)),
    )
