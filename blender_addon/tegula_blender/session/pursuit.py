"""A job whose deposit is paid, until all of it is where it belongs: with workers, or back."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tegula_market.model import TegulaError

from ..client import Refused
from ..job_view import JobView
from . import accounts, follow
from .deal import Deal
from .follow import Follower, Gallery
from .interest import nobody
from .patience import Steps, asking, resting
from .standing import Tell
from .stopwatch import Stopwatch
from .words import sentence

LOOK_SECONDS = 0.5
"""For which the coordinator may hold a request while nothing happens in the job."""
FETCH_SECONDS = 0.5
"""Of a look, for tiles. A job that is resumed may have thousands; other jobs want their turn."""
REST = 2.0
"""A look that kept the processor for a second is followed by so many without one. Blender's interface runs on
the same Python; tiles that come faster are fetched together."""


class Pursuit:
    """
    Args:
        gallery: gets the tiles.
        kept: as `Follower` takes it.
        tell: hears where the job stands.
        say: hears why it does not go on, and "" when it does.
        unwanted: whether the artist has cancelled the job.
    """

    def __init__(
        self,
        deal: Deal,
        gallery: Gallery,
        kept: Path,
        tell: Tell,
        say: Callable[[str], None],
        unwanted: Callable[[], bool],
    ) -> None:
        self._deal, self._say, self._unwanted = deal, say, unwanted
        self._follower = Follower(deal, gallery, Stopwatch(), tell, kept)

    def run(self) -> Steps[JobView]:
        """
        Returns:
            the job as it has ended.
        Raises:
            TegulaError: it has ended without all of its frames; the message says where the money is.
        """
        deal = self._deal
        yield from asking(lambda: deal.client.open_job(deal.order, deal.sign_order()), self._say)
        try:
            view = yield from self._follow()
        except TegulaError as error:
            raise TegulaError(f"{sentence(error)} {(yield from self._give_up())}") from error
        yield from self._settle(view)
        return view

    def _follow(self) -> Steps[JobView]:
        told = False
        while True:
            if self._unwanted() and not told:
                yield from self._cancel("cancelled by the requester")
                told = True
            began = time.thread_time()
            view = yield from asking(lambda: self._follower.look(nobody, FETCH_SECONDS), self._say)
            if self._has_all(view):
                return view
            yield from resting(REST * (time.thread_time() - began + self._follower.helped))
            if not self._follower.behind:
                yield from asking(lambda: self._follower.wait(LOOK_SECONDS), self._say)

    def _has_all(self, view: JobView) -> bool:
        return follow.ended(view) and not self._follower.behind

    def _give_up(self) -> Steps[str]:
        """Ends the job early.

        Returns:
            what has become of the money.
        """
        try:
            yield from self._cancel("given up by the requester")
            while True:
                view = yield from asking(lambda: self._follower.look(seconds=FETCH_SECONDS), self._say)
                if self._has_all(view):
                    break
                yield
            yield from self._settle(view)
        except TegulaError as another:
            terms = self._deal.order.terms
            end = datetime.fromtimestamp(terms.deadline + terms.grace, UTC)
            return (
                f"The job could not be closed ({another}); what is left of its deposit is yours again after"
                f" {end:%Y-%m-%d %H:%M} UTC."
            )
        return "What was accepted is paid, the rest of the deposit is back."

    def _cancel(self, reason: str) -> Steps[None]:
        with suppress(Refused):  # it has ended by itself in the meantime
            yield from asking(lambda: self._deal.client.cancel(self._deal.job, reason), self._say)

    def _settle(self, view: JobView) -> Steps[None]:
        owed = accounts.at_close(view)
        signature = self._deal.sign_close(owed)
        yield from asking(lambda: self._deal.client.settle(self._deal.job, owed, signature), self._say)
