"""The scripted coordinator with what an extension's account needs: a balance, deposits, the rest back."""

import json
from dataclasses import dataclass, field
from typing import Any

from fake_coordinator import FakeCoordinator, No
from tegula_market import codec, vouchers
from tegula_market.adapters import chain, signing
from tegula_market.model import Address, JobId, Signature, Terms, Wei
from tegula_market.vouchers import Domain, TokenDomain

CHAIN, ESCROW, TOKEN_ADDRESS = 1337, Address(bytes([0x0E]) * 20), Address(bytes([0x70]) * 20)
NAME, VERSION = "Tegula test dollar", "1"
DOMAIN = Domain(CHAIN, ESCROW)
MARKET: dict[str, Any] = {
    "at": 1000.0,
    "call_seconds": 1.0,
    "workers": [],
    "verifiers": [],
    "prices": [],
    "speeds": [],
}


@dataclass
class PayingCoordinator(FakeCoordinator):
    balance: int = 1_000_000
    market: dict[str, Any] = field(default_factory=lambda: dict(MARKET))
    deposits: dict[JobId, int] = field(default_factory=dict)
    settled: dict[JobId, Wei] = field(default_factory=dict)

    def handle(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Any:
        match [method, *path.strip("/").split("/")[1:]]:
            case ["GET", "market"]:
                return self.market
            case ["GET", "accounts", _]:
                token = {"currency": codec.encode(TOKEN_ADDRESS), "symbol": "tUSD", "decimals": 6}
                return {**token, "name": NAME, "version": VERSION, "balance": str(self.balance)}
            case ["POST", "deposits"]:
                return self._deposit(json.loads(body))
            case ["POST", "jobs", job, "settle"]:
                return self._settle(codec.decode(JobId, job), json.loads(body))
        return super().handle(method, path, query, body)

    def _deposit(self, body: dict[str, Any]) -> dict[str, Any]:
        terms, amount = codec.decode(Terms, body["terms"]), codec.decode(Wei, body["amount"])
        job = chain.job_id(terms)
        times = int(body["valid_after"]), int(body["valid_before"])
        token = TokenDomain(NAME, VERSION, CHAIN, TOKEN_ADDRESS)
        payload = vouchers.deposit_payload(token, ESCROW, terms.requester, job, amount, *times)
        if signing.recover(payload, codec.decode(Signature, body["signature"])) != terms.requester:
            raise No(422, "the deposit is not signed by the requester")
        if job not in self.deposits:
            self.deposits[job] = amount
            self.balance -= amount
        return {"job": codec.encode(job), "tx": None}

    def _settle(self, job: JobId, body: dict[str, Any]) -> dict[str, Any]:
        owed = codec.decode(Wei, body["owed"])
        payload = vouchers.close_payload(DOMAIN, job, owed)
        assert self.order is not None
        if signing.recover(payload, codec.decode(Signature, body["signature"])) != self.order.terms.signer:
            raise No(422, "the close is not signed by the session key")
        returned = 0 if job in self.settled else self.deposits[job] - owed
        self.settled[job] = owed
        self.balance += returned
        return {"tx": None, "returned": str(returned)}
