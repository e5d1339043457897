"""Why a request is not let in."""

from tegula_market.model import TegulaError


class Refusal(TegulaError):
    """
        Refusal
        ├── NotKnown
        ├── NotAllowed
        └── TooMany

    Attributes:
        who: name of the token; empty if it is not known.
    """

    def __init__(self, sentence: str, who: str = "") -> None:
        super().__init__(sentence)
        self.who = who


class NotKnown(Refusal):
    """No token, or none that is valid here."""


class NotAllowed(Refusal):
    """The token is valid, but not for this."""


class TooMany(Refusal):
    """More than is let through in a time, or at once.

    Attributes:
        retry_after: seconds until it is worth another try, 1 at least.
    """

    def __init__(self, sentence: str, retry_after: int, who: str = "") -> None:
        super().__init__(sentence, who)
        self.retry_after = retry_after
