"""What the coordinator derives from its one CURVE secret instead of storing it.

Derived values are the same after a restart, so a lease keeps its salt and a worker its token.
"""

import hashlib
import hmac

from tegula_market.model import Address, LeaseId, WorkerId


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

    def account_token(self, account: Address, until: int) -> str:
        """Bearer token of an account that has signed in, until that Unix second."""
        said = f"{account.hex()}.{until}"
        return f"{said}.{self._keyed(b'tegula account', said.encode()).hex()}"

    def account_of(self, token: str) -> tuple[Address, int] | None:
        """Whom that token was given, and until when; None if it is none."""
        said, _, _ = token.rpartition(".")
        account, _, until = said.partition(".")
        try:
            found = Address(bytes.fromhex(account)), int(until)
        except ValueError:
            return None
        return found if hmac.compare_digest(token.encode(), self.account_token(*found).encode()) else None

    def _keyed(self, purpose: bytes, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, person=purpose, digest_size=32).digest()
