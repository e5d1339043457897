"""What the coordinator derives from its one CURVE secret instead of storing it.

Derived values are the same after a restart, so a lease keeps its salt and a worker its token.
"""

import hashlib
import hmac

from tegula_market.model import LeaseId, WorkerId


class Derive:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def salt(self, lease: LeaseId) -> bytes:
        """32 bytes that place the lease's probe together with the image; nobody else can foresee them."""
        return self._keyed(b"tegula salt", lease.encode())

    def blob_token(self, worker: WorkerId) -> str:
        """Bearer token with which a worker reads and writes blobs."""
        return f"{worker.hex()}.{self._keyed(b'tegula blobs', worker).hex()}"

    def worker_of(self, token: str) -> WorkerId | None:
        """Whom that blob token was given; None if it is none."""
        said, _, _ = token.partition(".")
        try:
            worker = WorkerId(bytes.fromhex(said))
        except ValueError:
            return None
        expected = self.blob_token(worker)
        return worker if hmac.compare_digest(token.encode(), expected.encode()) else None

    def _keyed(self, purpose: bytes, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, person=purpose, digest_size=32).digest()
