"""The part of the HTTP API by which an Ethereum account signs in."""

from fastapi import FastAPI, Request

from tegula_coordinator.access import Access
from tegula_coordinator.bodies import Entering, Offer, SignedIn, Signing, ToSign
from tegula_coordinator.guard import peer_of
from tegula_coordinator.refusals import Refusal
from tegula_coordinator.sign_in import SignIn
from tegula_coordinator.store import Act
from tegula_market import codec
from tegula_market.model import Address


def serve(app: FastAPI, sign_in: SignIn, access: Access) -> None:
    @app.get("/v1/sign-in")
    async def offer() -> Offer:
        """Whether accounts are let in by a signature."""
        return Offer(offered=sign_in.offered)

    @app.post("/v1/sign-in/message")
    async def message(body: Signing, request: Request) -> ToSign:
        """What an account has to sign, as a wallet's personal_sign does, within minutes and once."""
        account = codec.decode(Address, body.account.lower(), "account")
        sign_in.check_offered()
        access.quotas.count_sign_in(peer_of(request))
        asked = sign_in.ask(account)
        return ToSign(nonce=asked.nonce, message=asked.text, expires=int(asked.until))

    @app.post("/v1/sign-in")
    async def enter(body: Entering, request: Request) -> SignedIn:
        """A bearer token for the jobs of the account that has signed the message of that nonce."""
        peer = peer_of(request)
        signature = bytes.fromhex(
            body.signature.removeprefix("0x")
        )  # digits, as the body's description wants
        try:
            secret, token = await sign_in.enter(body.nonce, signature)
            await access.check_not_revoked(token)
        except Refusal as refusal:
            await access.note_refusal(refusal, peer, f"{request.method} {request.url.path}")
            raise
        await access.note(token, Act.SIGN_IN, peer)
        assert token.expires is not None
        scopes = [scope.value for scope in sorted(token.scopes)]
        return SignedIn(token=secret, account=token.name, scopes=scopes, expires=int(token.expires))
