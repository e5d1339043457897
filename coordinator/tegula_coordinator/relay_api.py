"""The part of the HTTP API that moves money on chain, for requesters without a wallet program."""

from typing import Annotated

from fastapi import FastAPI

from tegula_coordinator.bearer import Token
from tegula_coordinator.bodies import AccountView, Closing, Deposited, Settled, SignedDeposit
from tegula_coordinator.book import Job
from tegula_coordinator.desk import Desk
from tegula_coordinator.guard import Guard
from tegula_coordinator.relay import Relay
from tegula_coordinator.store import Act
from tegula_market import codec
from tegula_market.adapters.chain import job_id
from tegula_market.model import Address, Signature, Terms, Wei
from tegula_market.vouchers import Authorisation


def serve(app: FastAPI, desk: Desk, relay: Relay, guard: Guard) -> None:
    @app.get("/v1/accounts/{address}", dependencies=[guard.read])
    async def show_account(address: str) -> AccountView:
        token = relay.currency
        return AccountView(
            currency=codec.encode(token.domain.token),
            symbol=token.symbol,
            decimals=token.decimals,
            name=token.domain.name,
            version=token.domain.version,
            balance=str(await relay.balance(codec.decode(Address, address, "address"))),
        )

    @app.post("/v1/deposits")
    async def deposit(body: SignedDeposit, caller: Annotated[Token, guard.relay]) -> Deposited:
        """Opens the job of these terms in the escrow; the coordinator pays for the gas. Safe to repeat."""
        terms = codec.decode(Terms, body.terms, "terms")
        amount = codec.decode(Wei, body.amount, "amount")
        signature = codec.decode(Signature, body.signature, "signature")
        authorisation = Authorisation(body.valid_after, body.valid_before, signature)
        await guard.access.note(caller, Act.DEPOSIT, codec.encode(job_id(terms)), f"{amount} units")
        job, tx = await relay.deposit(terms, amount, authorisation)
        return Deposited(job=codec.encode(job), tx=codec.encode(tx))

    @app.post("/v1/jobs/{job}/settle")
    async def settle(
        job: Annotated[Job, guard.relay_job], body: Closing, caller: Annotated[Token, guard.relay]
    ) -> Settled:
        """As close, and closes the escrow's job, too; the coordinator pays for the gas. Safe to repeat."""
        terms = job.order.terms
        owed = codec.decode(Wei, body.owed, "owed")
        signature = codec.decode(Signature, body.signature, "signature")
        relay.check_currency(terms)
        await guard.access.note(caller, Act.SETTLE, codec.encode(job.id), f"{owed} owed")
        ours = await desk.close(job.id, owed, signature)
        tx, returned = await relay.close(terms, owed, signature, ours)
        return Settled(tx=codec.encode(tx), returned=str(returned))
