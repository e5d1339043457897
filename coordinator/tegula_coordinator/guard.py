"""What stands before a route of the HTTP API: the bearer token that comes with a request, held to a scope,
and the job that a path names, if it is the token's.
"""

from collections.abc import AsyncIterator
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tegula_coordinator.access import Access
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.book import Job
from tegula_coordinator.desk import Desk
from tegula_coordinator.refusals import Refusal
from tegula_market import codec
from tegula_market.model import JobId

BEARER = HTTPBearer(auto_error=False, description="a requester's, or for blobs and evidence a worker's")


def announced(request: Request) -> int:
    """Bytes of the body, if it is said how many; else 0."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0


def peer_of(request: Request) -> str:
    """Address that the request comes from; of IPv6 the network of 64 bits, of which one household has all."""
    if request.client is None:
        return "unknown"
    try:
        address = ip_address(request.client.host)
    except ValueError:  # a name, as in tests
        return request.client.host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
    return str(address)


class Guard:
    """Dependencies of routes. Each gives the token that it let in, or if it is about a job, the job."""

    def __init__(self, access: Access, desk: Desk) -> None:
        self.access = access
        self._desk = desk
        self.read = self._of(Scope.READ)
        self.order = self._of(Scope.ORDER)
        self.relay = self._of(Scope.RELAY)
        self.fetch = self._of(Scope.READ, workers=True)
        self.upload = self._of(Scope.ORDER, workers=True)
        self.read_job = self._job(self.read)
        self.order_job = self._job(self.order)
        self.relay_job = self._job(self.relay)
        self.fetch_job = self._job(self.fetch, heard=False)  # a worker may be asking

    def _of(self, scope: Scope, workers: bool = False) -> Any:
        async def check(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
        ) -> Token:
            given = None if credentials is None else credentials.credentials
            peer = peer_of(request)
            try:
                return await self.access.admit(given, scope, peer, workers)
            except Refusal as refusal:
                await self.access.note_refusal(refusal, peer, f"{request.method} {request.url.path}")
                raise

        return Depends(check)

    def _job(self, admitted: Any, *, heard: bool = True) -> Any:
        """
        Args:
            heard: whether a request counts as a word of the job's requester.
        """
        desk = self._desk

        # Async, though nothing is awaited: FastAPI has others wait for a thread of their own, once a request.
        async def find(job: str, caller: Annotated[Token, admitted]) -> AsyncIterator[Job]:
            found = desk.find_for(caller, codec.decode(JobId, job, "job"))
            if heard:
                desk.hear(found.id)
            yield found
            if heard:  # at both ends: a request for events can stay open for long
                desk.hear(found.id)

        return Depends(find)
