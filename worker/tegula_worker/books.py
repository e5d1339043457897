"""Keeps the provider's books as things happen. Calls block; each is on the disk when it returns."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from tegula_market import messages
from tegula_market.auction import Reason
from tegula_market.model import MEGASAMPLE, JobId, Order, Outcome, Verdict, Wei, lease_parts
from tegula_worker import claiming
from tegula_worker.objections import Objection
from tegula_worker.room import NoRoom
from tegula_worker.store import JobRecord, Store
from tegula_worker.tallies import KEPT_JOBS, Sums, Tally

OUTBID_PERCENT = 90
"""Of an ask that was outbid: all that is known is that the job cleared below it."""

log = structlog.get_logger(__name__)


class Books:
    """
    Args:
        clock: Unix seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._turn = threading.Lock()
        """Held from reading to writing."""
        self._sums = store.sums()
        if self._sums.folded is not None:
            store.drop_tally(self._sums.folded)  # a kill came between

    @property
    def sums(self) -> Sums:
        return self._sums

    def asked(self, job: JobId) -> Wei:
        """The lowest price ever asked in the job; 0 if it is not known."""
        tally = self._store.tally(job)
        return tally.asked if tally else Wei(0)

    def owed(self, job: JobId) -> int:
        """Earned at the last word, and not claimed."""
        record, tally = self._store.job(job), self._store.tally(job)
        claimed = record.claimed if record else 0
        return max(record.earned if record else 0, tally.promised if tally else 0) - claimed

    def unsigned(self, job: JobId) -> int:
        """Earned at the last word, and neither a voucher nor a root covers it."""
        record, tally = self._store.job(job), self._store.tally(job)
        return max(0, (tally.promised if tally else 0) - (record.earned if record else 0))

    def ask(self, job: JobId, order: Order, price: Wei) -> None:
        terms = order.terms
        with self._turn:
            known = self._store.tally(job) or Tally(job, terms.token, terms.deadline + terms.grace, Wei(0))
            if known.ask(price) != known:
                self._store.keep_tally(known.ask(price))

    def judge(self, verdict: Verdict, cumulative: Wei) -> None:
        job, _, _ = lease_parts(verdict.lease)
        match verdict.outcome:
            case Outcome.ACCEPTED:
                self._change(job, lambda tally: tally.accept(cumulative))
            case Outcome.REJECTED:
                self._change(job, lambda tally: tally.reject(verdict.reason))
            case Outcome.INCONCLUSIVE:
                pass

    def refuse_voucher(self, job: JobId, reason: str) -> None:
        self._change(job, lambda tally: tally.refuse_voucher(reason))

    def spend(self, job: JobId, fee: Wei) -> None:
        self._change(job, lambda tally: replace(tally, fees=Wei(tally.fees + fee)))

    def refuse(self, kind: str, no: Objection) -> None:
        """A call that is declined, or a lease that is given back."""
        self._count(kind, no.code.value, no.sentence)

    def lose(self, job: JobId, code: str, sentence: str) -> None:
        """An ask that was not taken; one that has ended was taken back by this worker itself."""
        if code == Reason.EXPIRED:
            return
        self._count("ask", code, sentence)
        asked = self.asked(job)
        if code == Reason.OUTBID and asked:
            self._sum(lambda sums: sums.see(asked * OUTBID_PERCENT // 100))

    def win(self, size: int, price: Wei) -> None:
        """A lease: everybody who is taken is paid the clearing price."""
        self._sum(lambda sums: sums.see(price * MEGASAMPLE // size))

    def finish(self, size: int, answer: messages.Deliver | messages.Return) -> None:
        """How a lease came out: at what speed, or not at all."""
        if isinstance(answer, messages.Return):
            self._count("lease", answer.failure, answer.reason)
            return
        milliseconds = max(1, round(answer.result.render_seconds * 1000))
        self._sum(lambda sums: sums.measure(size, milliseconds))

    def give_up(self, record: JobRecord) -> None:
        """The deposit went back before this was claimed."""
        self._close(record)

    def tidy(self) -> None:
        """Closes jobs that can bring nothing more, and sums up the oldest of those."""
        now = int(self._clock())
        for record in list(self._store.jobs()):
            if _is_over(record, now):
                self._close(record)
        closed = sorted((t for t in self._store.tallies() if t.closed), key=lambda tally: tally.until)
        for tally in closed[: max(0, len(closed) - KEPT_JOBS)]:
            self._fold(tally)

    def _fold(self, tally: Tally) -> None:
        self._replace_sums(lambda sums: sums.fold(tally))  # or nothing is dropped
        self._store.drop_tally(tally.job)

    def _close(self, record: JobRecord) -> None:
        """The tally first: after a kill the record is found again and closed once more."""
        terms = record.order.terms
        with self._turn:
            known = self._store.tally(record.job) or Tally(
                record.job, terms.token, terms.deadline + terms.grace, Wei(0)
            )
            done = replace(known, vouchered=record.earned, claimed=record.claimed, closed=True)
            if done.earned or done.rejected or done.refused_vouchers:
                self._store.keep_tally(done)
            else:
                self._store.drop_tally(record.job)  # asked for, and nothing came of it
            self._store.drop_job(record.job)

    def _change(self, job: JobId, change: Callable[[Tally], Tally]) -> None:
        with self._turn:
            known = self._store.tally(job)
            if known is not None:  # else of a job that was never asked for
                with _room_or_word():
                    self._store.keep_tally(change(known))

    def _count(self, kind: str, code: str, sentence: str) -> None:
        now = int(self._clock())
        self._sum(lambda sums: sums.refuse(kind, code[:40], sentence, now))

    def _sum(self, change: Callable[[Sums], Sums]) -> None:
        with _room_or_word():
            self._replace_sums(change)

    def _replace_sums(self, change: Callable[[Sums], Sums]) -> None:
        with self._turn:
            sums = change(self._sums)
            if sums == self._sums:  # the same price as 32 times before, in most jobs
                return
            self._store.keep_sums(sums)
            self._sums = sums


@contextmanager
def _room_or_word() -> Iterator[None]:
    """A count that finds no room on the disk is no reason to stop."""
    try:
        yield
    except NoRoom as error:
        log.warning("not in the books", reason=str(error))


def _is_over(record: JobRecord, now: int) -> bool:
    """All is claimed, or what is not has been let go: a while after the requester could have it back."""
    if not claiming.lapsed(record.expiry, now):
        return False
    return record.earned == record.claimed or now >= record.expiry + claiming.LOST_SECONDS
