"""What stands before a route of the HTTP API: the bearer token that comes with a request, held to a scope."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tegula_coordinator.access import Access
from tegula_coordinator.bearer import Scope

BEARER = HTTPBearer(auto_error=False, description="a requester's, or for blobs and evidence a worker's")


class Guard:
    def __init__(self, access: Access) -> None:
        self._access = access
        self.read = self._of(Scope.READ)
        self.order = self._of(Scope.ORDER)
        self.relay = self._of(Scope.RELAY)
        self.fetch = self._of(Scope.READ, workers=True)
        self.upload = self._of(Scope.ORDER, workers=True)

    def _of(self, scope: Scope, workers: bool = False) -> Any:
        async def check(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
        ) -> None:
            given = None if credentials is None else credentials.credentials
            peer = "unknown" if request.client is None else request.client.host
            await self._access.admit(given, scope, peer, workers)

        return Depends(check)
