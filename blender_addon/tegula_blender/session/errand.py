"""One job of the extension, from the packed scene to the last frame, in steps that never wait for long.

The session's thread takes one step of each job in turn. Until the deposit is paid, whatever goes wrong ends
the job and has cost nothing; afterwards it is ended in order: see `pursuit`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tegula_market.model import Order, TegulaError

from ..client import Refused
from ..job_view import JobView, UnitPhase
from ..money import Money
from . import planning, requesting
from .bill import Bill, compared
from .connection import Connected
from .deal import Deal
from .delivery import Delivery
from .frames import Frames
from .packed import PackedScene
from .patience import AWAY, Steps, asking
from .pursuit import Pursuit
from .requesting import Request
from .shelf import Record, Shelf
from .standing import Standing, seconds_left, waits
from .state import JobCard, Step
from .uploading import upload
from .words import duration

WHEN_BACK = "You have cancelled it: it ends when the coordinator is back."
NOTHING_PAID = "Nothing was paid."
RETURNED = "What was accepted is paid, the rest of the deposit is back."
Reach = Callable[[], Connected]


class Errand:
    """
    Args:
        blender: the program that denoises and tries scenes; None is the bpy module of this Python.
    """

    def __init__(self, card: JobCard, shelf: Shelf, blender: Path | None) -> None:
        self.card = card
        """Replaced as a whole, so that other threads can read it."""
        self.delivery = Delivery(self.cancel)
        self._shelf, self._blender = shelf, blender
        self._agreed = self._cancelled = False

    def agree(self) -> None:
        self._agreed = True

    def cancel(self) -> None:
        self._cancelled = True

    def fail(self, sentence: str) -> None:
        self._over(Step.FAILED, sentence)

    def begin(self, reach: Reach, request: Request) -> Iterator[None]:
        """A new job, which waits to be agreed to once it is quoted."""
        with self._ending():
            at, scene = reach(), requesting.prepared(request, self._blender)
            if not (yield from self._upload(at, scene)):
                self._over(Step.CANCELLED, NOTHING_PAID)
                return
            plain = requesting.order(request, scene, at)
            order, quote = requesting.quoted(plain, request, at, self._blender)
            self._say(step=Step.QUOTED, quote=quote, budget=quote.budget)
            while not (self._agreed or self._cancelled):
                yield
            if self._cancelled:
                self._over(Step.CANCELLED, NOTHING_PAID)
                return
            record = yield from self._deposit(at, requesting.renewed(order, request), request, scene)
            yield from self._carry_on(at, record)

    def resume(self, reach: Reach, record: Record) -> Iterator[None]:
        """A job whose deposit is paid: what is accepted is fetched, what is not is waited for."""
        self._say(step=Step.WAITING, budget=planning.budget(record.order), sentence="")
        with self._ending():
            at = yield from asking(reach, self._explain)
            yield from self._carry_on(at, record)

    def _upload(self, at: Connected, scene: PackedScene) -> Steps[bool]:
        """Whether all of it is there; else the artist has cancelled the job."""
        self._say(step=Step.UPLOADING)
        sending: Iterator[tuple[int, int]] | None = None

        def send() -> tuple[int, int] | None:
            """Once cut off it begins anew: what has come through is not missing any more, nor sent again."""
            nonlocal sending
            if self._cancelled:
                return None
            sending = sending or upload(at.client.blobs, scene.blobs)
            try:
                return next(sending, None)
            except AWAY:
                sending = None
                raise

        while progress := (yield from asking(send, self._explain)):
            sent, to_send = progress
            self._say(sent=sent, to_send=to_send)
            yield
        return not self._cancelled

    def _deposit(self, at: Connected, order: Order, request: Request, scene: PackedScene) -> Steps[Record]:
        budget = planning.budget(order)
        yield from asking(lambda: at.check_funds(budget), self._explain)
        where = request.name, at.url, at.domain.chain_id, at.domain.escrow
        record = Record(*where, order, str(scene.original), scene.denoised, time.time())
        self._shelf.keep(record)
        self._say(step=Step.DEPOSITING, job=record.job)
        yield
        try:
            yield from asking(lambda: at.deposit(order.terms, budget), self._explain)
        except Refused as error:
            if error.status < 500:  # no money has moved
                self._shelf.drop(record.job)
            raise
        return record

    def _carry_on(self, at: Connected, record: Record) -> Steps[None]:
        deal = Deal.of(record.order, record.domain, at.client, at.purse.sign)
        folder, blend = self._shelf.folder(record.job), Path(record.blend)
        frames = Frames(record.order, blend, record.layers, folder, self.delivery, self._blender)
        stand = lambda standing: self._stand(standing, at)  # noqa: E731
        kept = self._shelf.tiles(record.job)
        pursuit = Pursuit(deal, frames, kept, stand, self._explain, lambda: self._cancelled)
        view = yield from pursuit.run()
        self._shelf.settle(record.job)
        self._end(view, at.money)

    def _end(self, view: JobView, money: Money) -> None:
        # A job that is resumed after its end is closed, whether it was finished or not.
        if all(unit.phase is UnitPhase.ACCEPTED for unit in view.units):
            quote, bill = self.card.quote, Bill.of_job(view)
            self._over(Step.DONE, compared(quote, bill) if quote else f"It cost {money.text(bill.paid)}.")
        elif self._cancelled:
            self._over(Step.CANCELLED, f"You have cancelled it. {RETURNED}")
        else:
            self._over(Step.FAILED, f"The job was {view.phase.lower()}: {view.reason}. {RETURNED}")

    def _stand(self, standing: Standing, at: Connected) -> None:
        left, dear = seconds_left(standing, time.monotonic()), waits(standing, at.money)
        rendering = standing.step == "rendering"
        waiting = f"{standing.step.capitalize()}: {dear}." if dear else f"{standing.step.capitalize()}."
        self._say(
            step=Step.RENDERING if rendering else Step.WAITING,
            tiles=standing.done,
            of=standing.tiles,
            spent=standing.price,
            seconds_left=left,
            sentence="" if rendering else waiting,
        )
        ending = f" | {duration(left)} left" if left else ""
        done = f"{standing.done}/{standing.tiles} tiles"
        self.delivery.status = f"Tegula: {done} | {at.money.text(standing.price)}{ending}"
        if dear:
            self.delivery.status = f"Tegula: {done} | {waiting}"
        self.delivery.progress = standing.done / max(1, standing.tiles)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except TegulaError as error:
            self.fail(str(error))

    def _explain(self, sentence: str) -> None:
        if sentence and self._cancelled:
            sentence = f"{sentence} {WHEN_BACK}"
        self._say(sentence=sentence)
        if sentence:
            self.delivery.status = f"Tegula: {sentence}"

    def _over(self, step: Step, sentence: str) -> None:
        self._say(step=step, sentence=sentence, seconds_left=None)
        self.delivery.end(sentence)

    def _say(self, **changes: Any) -> None:
        self.card = replace(self.card, **changes)
