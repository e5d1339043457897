"""A job is paid by a key that signs in Python alone, while the coordinator that relays for it is killed."""

import secrets
import time
from dataclasses import replace

import pytest

from end_to_end.stage import Stage, kill, said, stage
from orders import an_order
from tegula.market import Market
from tegula_blender.client import Client
from tegula_blender.job_view import JobPhase
from tegula_blender.session.deal import Deal
from tegula_market import auction, codec, tiling, vouchers
from tegula_market.adapters import light
from tegula_market.adapters.chain import Escrow, Status
from tegula_market.digests import digest
from tegula_market.model import ETHER, Order, SceneFile, SceneManifest, Signature, Terms, Wei
from tegula_market.vouchers import Domain, TokenDomain

pytestmark = pytest.mark.slow

POCKET, UNTIL = Wei(10**9), 2**40
BLEND = b"BLENDER and so on"
MANIFEST = codec.dumps(SceneManifest("scene.blend", (SceneFile("scene.blend", digest(BLEND), len(BLEND)),)))


class Artist:
    """What the Blender side does: an account, a session key, HTTP, and no chain."""

    def __init__(self, it: Stage) -> None:
        self.account, self.session = light.Key.generate(), light.Key.generate()
        it.chain.mint(self.account.address, POCKET)
        where: Market = it.market
        self.client = Client(where.url, where.token, patience=60)
        self.about = self.client.about()

    def order(self) -> Order:
        token = self.client.account(self.account.address).currency
        parties = self.account.address, self.session.address, self.about.coordinator, token
        terms = Terms(*parties, int(time.time()) + 3600, 600, secrets.token_bytes(32))
        return replace(an_order(manifest=digest(MANIFEST)), terms=terms)

    def sign_deposit(self, order: Order, amount: Wei) -> Signature:
        seen = self.client.account(self.account.address)
        payload = vouchers.deposit_payload(
            TokenDomain(seen.name, seen.version, self.about.chain_id, seen.currency),
            self.about.escrow,
            self.account.address,
            light.job_id(order.terms),
            amount,
            0,
            UNTIL,
        )
        return light.sign(payload, self.account)

    def deal(self, order: Order) -> Deal:
        domain = Domain(self.about.chain_id, self.about.escrow)
        return Deal.of(order, domain, self.client, lambda payload: light.sign(payload, self.session))


def test_a_deposit_is_taken_and_settled_once_whoever_is_killed() -> None:
    with stage() as it:
        coordinator = it.coordinator()
        artist = Artist(it)
        escrow = Escrow.connect(it.chain.rpc, it.chain.escrow)
        order, client = artist.order(), artist.client
        budget = auction.most([tiling.size(tile, order.scene) for tile in tiling.split(order)], order.ceiling)
        signature = artist.sign_deposit(order, budget)
        taken = client.deposit(order.terms, budget, 0, UNTIL, signature)
        assert (taken.job, taken.tx is None) == (light.job_id(order.terms), False)
        line = said(coordinator, "deposit relayed")
        assert taken.job.hex() in line
        for secret in (signature, artist.account.address, artist.account.secret):
            assert secret.hex() not in line

        kill(coordinator)
        coordinator = it.coordinator()
        assert client.deposit(order.terms, budget, 0, UNTIL, signature).tx is None
        assert client.account(artist.account.address).balance == POCKET - budget
        for blob in (BLEND, MANIFEST):
            client.blobs.upload_bytes(blob)
        deal = artist.deal(order)
        client.open_job(order, deal.sign_order())
        client.cancel(deal.job, "enough")

        close = deal.sign_close(Wei(0))
        settled = client.settle(deal.job, Wei(0), close)
        assert (settled.tx is None, settled.returned) == (False, budget)
        kill(coordinator)
        it.coordinator()
        again = client.settle(deal.job, Wei(0), close)
        assert (again.tx, again.returned) == (None, budget)
        assert client.job(deal.job).phase is JobPhase.CLOSED
        assert escrow.account(deal.job).status is Status.CLOSED
        assert client.account(artist.account.address).balance == POCKET
        assert escrow.balance(ETHER, artist.account.address) == 0
        client.disconnect()
