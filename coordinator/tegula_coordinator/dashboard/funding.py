"""What the page for deposits is told: which job an order is, what it can cost, and where the escrow is."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from tegula_coordinator import tiles
from tegula_coordinator.bodies import Unsigned
from tegula_coordinator.dashboard.operator_api import Office
from tegula_coordinator.desk import Desk
from tegula_market import auction, codec
from tegula_market.adapters import chain
from tegula_market.adapters.evm import artifact
from tegula_market.model import Order


def serve(app: FastAPI, desk: Desk, office: Office, for_requesters: Sequence[Any]) -> None:
    @app.post("/v1/deposits/terms", dependencies=for_requesters)
    async def deposit_terms(body: Unsigned) -> dict[str, Any]:
        """What a wallet needs to open the order's job by itself. Nothing is kept of it."""
        order = codec.decode(Order, body.order, "order")
        await asyncio.to_thread(desk.check, order)
        sizes = await asyncio.to_thread(tiles.sizes, order)
        await office.purses.learn({order.terms.token})
        about = desk.about()
        return {
            "job": codec.encode(chain.job_id(order.terms)),
            "amount": str(auction.most(sizes, order.ceiling)),
            "tiles": len(sizes),
            "escrow": about["escrow"],
            "chain_id": about["chain_id"],
            "creation": artifact("TileEscrow")["bytecode"],
            "tokens": office.purses.known(),
            "explorer": office.explorer,
        }
