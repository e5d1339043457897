"""The artist's account: one key, made here, that holds what is meant for renders and signs for nothing else.

It also remembers which escrow a coordinator named when it was first met. A coordinator that names another one
later, by a break-in or a mistake, could otherwise have a deposit signed away.
"""

from dataclasses import dataclass
from pathlib import Path

from tegula_market import codec
from tegula_market.adapters import devkeys, light
from tegula_market.codec import MalformedInput
from tegula_market.model import Address, InvalidValue, Signature
from tegula_market.vouchers import Domain, Payload

KEY, KNOWN = "account.key", "known-escrows.json"


@dataclass(frozen=True, slots=True)
class _Met:
    url: str
    chain_id: int
    escrow: Address


@dataclass(frozen=True, slots=True)
class _Known:
    coordinators: tuple[_Met, ...]


class Purse:
    """
    Args:
        folder: of the extension, for this user only.
    Raises:
        UnusableKey: the key there cannot be read, or none can be made.
    """

    def __init__(self, folder: Path) -> None:
        self._known = folder / KNOWN
        self._key = light.kept_key(folder / KEY)

    @property
    def address(self) -> Address:
        return self._key.address

    def sign(self, payload: Payload) -> Signature:
        return light.sign(payload, self._key)

    def trust(self, url: str, domain: Domain) -> None:
        """Remembers a coordinator's escrow.

        Raises:
            InvalidValue: it is another one than at first.
            NotLocal: the account's key is one that everybody has.
        """
        devkeys.refuse_elsewhere(self.address, domain.chain_id)
        known, met = self._read(), _Met(url, domain.chain_id, domain.escrow)
        before = next((each for each in known.coordinators if each.url == url), None)
        if before is None:
            self._known.write_bytes(codec.dumps(_Known((*known.coordinators, met))))
        elif before != met:
            raise InvalidValue(
                f"The coordinator at {url} names another escrow contract (0x{met.escrow.hex()}) than when you"
                f" first connected (0x{before.escrow.hex()}). Nothing is paid there. If its operator says"
                f" that this is right, delete {self._known} and test the connection again."
            )

    def _read(self) -> _Known:
        try:
            return codec.loads(_Known, self._known.read_bytes())
        except FileNotFoundError:
            return _Known(())
        except (OSError, MalformedInput) as error:
            raise InvalidValue(
                f"{self._known} cannot be read ({error}); delete it and test the connection again."
            ) from error
