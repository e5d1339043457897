"""What stands before a route of the HTTP API: the bearer token that comes with a request, held to a scope."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tegula_coordinator.access import Access, Refusal
from tegula_coordinator.bearer import Scope, Token

BEARER = HTTPBearer(auto_error=False, description="a requester's, or for blobs and evidence a worker's")


def announced(request: Request) -> int:
    """Bytes of the body, if it is said how many; else 0."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0


class Guard:
    """Dependencies of routes; each gives the token that it let in."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.read = self._of(Scope.READ)
        self.order = self._of(Scope.ORDER)
        self.relay = self._of(Scope.RELAY)
        self.fetch = self._of(Scope.READ, workers=True)
        self.upload = self._of(Scope.ORDER, workers=True)

    def _of(self, scope: Scope, workers: bool = False) -> Any:
        async def check(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
        ) -> Token:
            given = None if credentials is None else credentials.credentials
            peer = "unknown" if request.client is None else request.client.host
            try:
                return await self.access.admit(given, scope, peer, workers)
            except Refusal as refusal:
                await self.access.note_refusal(refusal, peer, f"{request.method} {request.url.path}")
                raise

        return Depends(check)
