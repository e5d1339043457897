"""The requester's side of one job, from the deposit to the refund.

Whatever happens after the deposit, the job is ended in order: cancelled, what was accepted paid, the rest
returned. Only if that fails, too, does the deposit stay in the escrow until its deadline, and
`tegula refund` gets it from there.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime

from tegula import record, settle
from tegula.run import JobFailed, NoFunds, Run, Settled
from tegula_blender.client import Refused
from tegula_blender.job_view import JobPhase, JobView
from tegula_blender.session import accounts, planning
from tegula_blender.session.accounts import Overstated
from tegula_blender.session.follow import Follower
from tegula_blender.session.interest import nobody, too_dear
from tegula_blender.session.standing import Standing
from tegula_blender.session.uploading import upload
from tegula_market.model import TegulaError

LOOK_SECONDS = 2.0
"""Between two looks for a deposit that a person pays."""
UPLOAD_PATIENCE = 90.0
"""Seconds for which an upload waits if nothing comes through; a token's limit may ask for a minute."""
LAST_PATIENCE = 15.0
"""Seconds for which a coordinator that is away is waited for, once the job is being given up."""


def carry_out(run: Run) -> Settled:
    """
    Raises:
        NobodyTakes, JobFailed: the job has ended without all of its frames; the deposit is back.
        Overstated: a root pays for what was not seen; it is disputed.
        TegulaError, KeyboardInterrupt: likewise, unless a note says where the deposit is.
    """
    made = run.deal
    follower = Follower(made, run.gallery, run.watch, run.tell)
    try:
        with run.watch.part("chain"):
            _check_funds(run)
        with run.watch.part("upload"):
            _upload(run)
        with run.watch.part("chain"):
            open_tx = _open(run)
        with run.watch.part("market"):
            made.client.open_job(made.order, made.sign_order())
            view = follower.follow(lambda view: nobody(view) or _too_dear(run, view))
        with run.watch.part("settle"):
            _check_root(run, view)
            run.tell(Standing("closing the job"))
            close_tx, refund = settle.close(made, run.escrow, run.payer, view)
    except BaseException as error:
        _give_up(run, follower, error)
        raise
    _forget(run)
    if view.phase is not JobPhase.DONE:
        raise JobFailed(f"the job was {view.phase.lower()}: {view.reason}. What was accepted is paid")
    with run.watch.part("settle"):
        run.tell(Standing("waiting for the workers' claims"))
        payments = settle.claims(made, run.escrow, view, run.claim_patience)
    return Settled(view, planning.budget(made.order), open_tx, close_tx, refund, payments, follower.log)


def _check_funds(run: Run) -> None:
    """Again in `Escrow.open`; but this is before the upload."""
    made, wanted = run.deal, planning.budget(run.deal.order)
    requester = made.order.terms.requester
    held = run.escrow.balance(made.order.terms.token, requester)
    if held < wanted:
        raise NoFunds(
            f"the job can cost up to {run.money.text(wanted)}, which is the deposit, and the wallet"
            f" 0x{requester.hex()} has {run.money.text(held)}; fund it, lower --ceiling, or"
            " render fewer samples"
        )


def _upload(run: Run) -> None:
    """Before any money moves: what fails here has cost nothing."""
    run.tell(Standing("uploading the scene"))
    run.deal.client.patience = UPLOAD_PATIENCE
    for _ in upload(run.deal.client.blobs, run.blobs):
        pass


def _open(run: Run) -> bytes:
    made = run.deal
    run.tell(Standing("paying the deposit"))
    if run.keep is not None:
        record.keep(made, run.keep)
    if made.order.terms.requester == run.payer.address:
        tx = run.escrow.open(made.order.terms, planning.budget(made.order), run.payer)
        assert tx is not None, "the salt is fresh, so nobody can have opened this job before"
    else:
        tx = _opened_elsewhere(run)
    made.client.patience = max(0.0, made.order.terms.deadline - time.time())
    return tx


def _opened_elsewhere(run: Run) -> bytes:
    """By a wallet, which has the order's record to pay by.

    Raises:
        NoFunds: it did not, until the deadline.
    """
    terms = run.deal.order.terms
    run.tell(Standing("waiting for the wallet to pay the deposit"))
    while not run.escrow.account(run.deal.job).open:
        if time.time() >= terms.deadline:
            raise NoFunds(
                f"the wallet 0x{terms.requester.hex()} paid no deposit until the deadline; order again"
            )
        time.sleep(LOOK_SECONDS)
    return run.escrow.deposits(run.deal.job)[0].tx


def _give_up(run: Run, follower: Follower, error: BaseException) -> None:
    """Ends the job early; what goes wrong on the way is noted at the error that led here."""
    made = run.deal
    made.client.patience = LAST_PATIENCE
    run.tell(Standing("giving the job up"))
    try:
        if isinstance(error, Overstated):
            error.add_note(settle.dispute(made, run.escrow, run.payer))
        if run.escrow.account(made.job).open:
            _cancel(run, str(error) or "cancelled by the requester")
            settle.close(made, run.escrow, run.payer, follower.follow())
            error.add_note("what is not owed to workers is back in your wallet")
        elif isinstance(error, KeyboardInterrupt):
            return  # the deposit may be on its way; the record stays
    except (TegulaError, KeyboardInterrupt) as another:
        error.add_note(f"the job could not be closed: {another}")
        if run.keep is not None:
            end = datetime.fromtimestamp(made.order.terms.deadline + made.order.terms.grace, UTC)
            error.add_note(f"after {end:%Y-%m-%d %H:%M} UTC get the deposit back: tegula refund {run.keep}")
    else:
        _forget(run)


def _check_root(run: Run, view: JobView) -> None:
    """On chain, whatever the coordinator says.

    Raises:
        Overstated: it is not the root of what was seen here.
    """
    root = run.escrow.root(run.deal.job)
    if root is not None:
        accounts.check_root(view, root.hash)


def _too_dear(run: Run, view: JobView) -> str | None:
    reason = None if run.wait else too_dear(view, run.deal.order.ceiling, run.money)
    if reason is None or run.keep is None:  # on a market that ends with the job no price changes
        return reason
    return f"{reason}, or wait for a lower price with --wait"


def _forget(run: Run) -> None:
    if run.keep is not None:
        record.drop(run.keep)


def _cancel(run: Run, reason: str) -> None:
    client, made = run.deal.client, run.deal
    client.open_job(made.order, made.sign_order())  # or there is nothing to cancel and to close
    with suppress(Refused):  # it has ended by itself in the meantime
        client.cancel(made.job, reason[:200])
