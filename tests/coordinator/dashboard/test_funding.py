"""What the page for deposits is told, and that it spells the escrow's calls as the escrow does."""

import json
import re
from pathlib import Path

from eth_utils.abi import function_abi_to_4byte_selector, function_signature_to_4byte_selector

from coordinator.house import AS_OPERATOR, AS_REQUESTER, DOMAIN, House, acting, an_honest_order
from tegula_coordinator import tiles
from tegula_coordinator.dashboard import pages
from tegula_market import auction, codec
from tegula_market.adapters import chain
from tegula_market.adapters.evm import artifact
from tegula_market.model import Address


def test_an_orders_job_and_its_cost_are_told_and_nothing_is_kept(tmp_path: Path) -> None:
    order = an_honest_order()

    async def scenario(it: House) -> None:
        body = {"order": codec.encode(order)}
        answer = await it.post("/v1/deposits/terms", body)
        told = answer.json()
        assert told["job"] == codec.encode(chain.job_id(order.terms))
        assert told["amount"] == str(auction.most(tiles.sizes(order), order.ceiling))
        assert (told["tiles"], told["chain_id"]) == (4, DOMAIN.chain_id)
        assert told["escrow"] == codec.encode(DOMAIN.escrow)
        assert it.keeper.book.jobs == {}
        for headers in ({}, AS_OPERATOR):
            refused = await it.client.post("/v1/deposits/terms", json=body, headers=headers)
            assert refused.status_code == 401
        another = an_honest_order(coordinator=Address(b"\x09" * 20))
        wrong = await it.client.post(
            "/v1/deposits/terms", json={"order": codec.encode(another)}, headers=AS_REQUESTER
        )
        assert (wrong.status_code, "another coordinator" in wrong.json()["detail"]) == (422, True)

    acting(tmp_path)(scenario)


def test_the_page_has_the_escrows_own_selectors() -> None:
    text = (pages.FOLDER / "escrow.js").read_text()
    (table,) = re.findall(r"SELECTORS = (\{.*?\})", text, re.DOTALL)
    selectors = json.loads(re.sub(r",\s*\}", "}", table))
    for signature, selector in selectors.items():
        assert "0x" + function_signature_to_4byte_selector(signature).hex() == selector, signature
    functions = [
        each
        for name in ("TileEscrow", "DevDollar")
        for each in artifact(name)["abi"]
        if each["type"] == "function"
    ]
    known = {"0x" + function_abi_to_4byte_selector(each).hex() for each in functions}
    assert set(selectors.values()) <= known
