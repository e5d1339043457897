"""Jobs with a real escrow on a local chain and a scripted coordinator over real HTTP."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fake_coordinator import TOKEN, Busy, FakeCoordinator, No, ProxyPage, Serving, picture
from requester_samples import ANN, BEN, DOLLAR, order
from tegula import job, record, settle
from tegula import run as runs
from tegula.run import JobFailed, NoFunds, Run
from tegula_blender import client as client_module
from tegula_blender.client import Client, Refused
from tegula_blender.job_view import JobPhase, JobView, RootView, UnitPhase
from tegula_blender.session import planning
from tegula_blender.session.accounts import Disputed, Overstated
from tegula_blender.session.deal import Deal
from tegula_blender.session.follow import NobodyTakes
from tegula_blender.session.standing import Standing
from tegula_blender.session.stitching import Canvas
from tegula_blender.session.stopwatch import Stopwatch
from tegula_market import codec, tiling, vouchers
from tegula_market.adapters import chain, devchain, exr, signing
from tegula_market.adapters.blobs import BlobError
from tegula_market.adapters.chain import Escrow, Status
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.roots import Tree
from tegula_market.adapters.signing import Key
from tegula_market.digests import digest
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    Order,
    Signature,
    SignedVoucher,
    Terms,
    Tile,
    Voucher,
    Wei,
)

pytestmark = pytest.mark.slow

COORDINATOR, SESSION = Key.generate(), Key.generate()
POCKET = Wei(1_000_000)
MANIFEST = b"a manifest"
WINDOW = 900


@pytest.fixture(scope="module")
def local() -> Iterator[DevChain]:
    with devchain.devchain() as running:
        running.mint(running.key(1).address, POCKET)
        running.give_ether(COORDINATOR.address, Wei(10**18))
        yield running


@dataclass
class Wall:
    """Frames without Blender."""

    order: Order
    folder: Path
    canvases: dict[int, Canvas] = field(init=False)

    def __post_init__(self) -> None:
        self.canvases = {frame.number: Canvas(frame, crop=False) for frame in tiling.frames(self.order)}

    def paste(self, tile: Tile, image: Path) -> None:
        self.canvases[tile.frame].paste(tile, image)

    def finish(self) -> None:
        for number, canvas in self.canvases.items():
            if canvas.complete:
                canvas.save(self.folder / f"{number}.exr")


@dataclass
class Stage:
    local: DevChain
    escrow: Escrow
    fake: FakeCoordinator
    serving: Serving
    run: Run
    told: list[Standing]

    @property
    def wallet(self) -> Wei:
        return self.escrow.balance(self.local.dollar, self.local.key(1).address)

    @property
    def deposit(self) -> Wei:
        return self.escrow.balance(self.local.dollar, self.local.escrow)

    @property
    def status(self) -> Status:
        return self.escrow.account(self.run.deal.job).status

    def claim(self, worker: Address, total: Wei) -> bytes | None:
        """With the vouchers that the worker would hold: both signatures are real."""
        voucher = Voucher(self.run.deal.job, worker, total)
        payload = vouchers.voucher_payload(self.escrow.domain, voucher)
        ours, theirs = (signing.sign(payload, key) for key in (SESSION, COORDINATOR))
        terms = self.run.deal.order.terms
        return self.escrow.claim(terms, SignedVoucher(voucher, ours, theirs), self.local.key(5))


@pytest.fixture
def stage(local: DevChain, tmp_path: Path) -> Iterator[Stage]:
    escrow = Escrow.connect(local.rpc, local.escrow)

    def sign_close(job_id: JobId, owed: Wei) -> Signature:
        return signing.sign(vouchers.close_payload(escrow.domain, job_id, owed), COORDINATOR)

    fake = FakeCoordinator(lambda ordered: chain.job_id(ordered.terms), sign_close)
    told: list[Standing] = []
    with Serving(fake) as serving:
        client = Client(serving.url, TOKEN)
        made = new_deal(local, escrow, client)
        wall = Wall(made.order, tmp_path)
        blobs: dict[Digest, Path | bytes] = {digest(MANIFEST): MANIFEST}
        payer = local.key(1)
        run = Run(
            made, escrow, payer, blobs, wall, tmp_path, Stopwatch(), told.append, DOLLAR, claim_patience=0
        )
        yield Stage(local, escrow, fake, serving, run, told)
        client.disconnect()


def new_deal(local: DevChain, escrow: Escrow, client: Client, requester: Key | None = None) -> Deal:
    requester = requester or local.key(1)
    parties = requester.address, SESSION.address, COORDINATOR.address, local.dollar
    plain = order(96, 64, 32, frames=(1, 2))
    ordered = replace(
        plain,
        terms=Terms(
            *parties,
            int(time.time()) + 3600,
            4 * WINDOW,
            secrets.token_bytes(32),
            WINDOW,
            local.key(6).address,
        ),
        scene=replace(plain.scene, manifest=digest(MANIFEST), spp=1000),
    )
    return Deal.of(ordered, escrow.domain, client, partial(signing.sign, key=SESSION))


def owed(stage: Stage) -> int:
    assert stage.fake.view is not None
    return sum(dues.cumulative for dues in stage.fake.view.owed)


def test_a_job_goes_from_deposit_to_refund(stage: Stage, tmp_path: Path) -> None:
    before = stage.wallet
    settled = job.carry_out(stage.run)
    assert settled.funded == planning.budget(stage.run.deal.order)
    assert settled.refund == settled.funded - owed(stage) > 0
    assert stage.wallet == before - owed(stage)
    assert stage.status is Status.CLOSED
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["1.exr", "2.exr"]
    for number in (1, 2):
        stitched = exr.read(tmp_path / f"{number}.exr").channels
        for name, plane in picture(stage.run.deal.order, number).items():
            assert np.array_equal(stitched[name], plane)


def test_what_workers_claim_is_paid_and_told(stage: Stage) -> None:
    settled = job.carry_out(stage.run)
    assert stage.fake.view is not None
    totals = {dues.worker: dues.cumulative for dues in stage.fake.view.owed}
    assert {p.worker: (p.amount, p.tx) for p in settled.payments} == {w: (a, None) for w, a in totals.items()}
    tx = stage.claim(ANN, totals[ANN])
    payments = settle.claims(stage.run.deal, stage.escrow, settled.view, patience=0)
    assert [(p.worker, p.amount, p.tx) for p in payments] == [
        (ANN, totals[ANN], tx),
        (BEN, totals[BEN], None),
    ]
    assert stage.escrow.balance(stage.local.dollar, ANN) >= totals[ANN]


def test_the_wait_for_claims_ends_with_the_last_one(stage: Stage) -> None:
    settled = job.carry_out(stage.run)
    totals = {dues.worker: dues.cumulative for dues in settled.view.owed}
    late = iter([ANN, BEN])

    def pause(_seconds: float) -> None:
        worker = next(late)
        stage.claim(worker, totals[worker])

    payments = settle.claims(stage.run.deal, stage.escrow, settled.view, patience=600, pause=pause)
    assert {p.worker for p in payments if p.tx} == {ANN, BEN}


def test_vouchers_are_signed_as_tiles_are_accepted(stage: Stage) -> None:
    job.carry_out(stage.run)
    ann = [total for worker, total in stage.fake.signed if worker == ANN]
    assert len(ann) == 6
    assert ann == sorted(set(ann))


def test_no_funds_costs_nothing_and_uploads_nothing(stage: Stage, tmp_path: Path) -> None:
    poor = Key.generate()
    made = new_deal(stage.local, stage.escrow, stage.run.deal.client, requester=poor)
    with pytest.raises(NoFunds, match=r"can cost up to 0\.\d+ USD.* has 0 USD"):
        job.carry_out(replace(stage.run, deal=made, payer=poor))
    assert stage.fake.blobs == {}
    assert list(tmp_path.iterdir()) == []


def test_a_wallet_elsewhere_pays_the_deposit_and_has_the_rest_back(stage: Stage, tmp_path: Path) -> None:
    """What it is given to pay by is the record in the job's folder."""
    before, waited = stage.wallet, []

    def tell(standing: Standing) -> None:
        if "wallet" in standing.step:
            waited.append(standing)
            escrow, ordered = record.read(tmp_path)
            assert escrow == stage.local.escrow
            stage.escrow.open(ordered.terms, planning.budget(ordered), stage.local.key(1))

    settled = job.carry_out(replace(stage.run, payer=stage.local.key(7), tell=tell))
    assert len(waited) == 1
    assert settled.open_tx == stage.escrow.deposits(stage.run.deal.job)[0].tx
    assert stage.wallet == before - owed(stage)
    assert stage.status is Status.CLOSED


def test_a_wallet_that_does_not_pay_is_waited_for_until_the_deadline(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def tell(standing: Standing) -> None:
        if "wallet" in standing.step:
            monkeypatch.setattr(
                job, "time", SimpleNamespace(time=lambda: stage.run.deal.order.terms.deadline)
            )

    with pytest.raises(NoFunds, match="paid no deposit until the deadline"):
        job.carry_out(replace(stage.run, payer=stage.local.key(7), tell=tell))
    assert stage.status is Status.NONE
    assert list(tmp_path.iterdir()) == []


def test_a_ceiling_under_every_ask_returns_the_deposit(stage: Stage, tmp_path: Path) -> None:
    before = stage.wallet
    stage.fake.asks = {ANN: 140, BEN: 120}
    with pytest.raises(NobodyTakes, match=r"the lowest is 120 .* --wait") as gone:
        job.carry_out(stage.run)
    assert gone.value.__notes__ == ["what is not owed to workers is back in your wallet"]
    assert stage.wallet == before
    assert stage.status is Status.CLOSED
    assert list(tmp_path.iterdir()) == []


def test_one_that_waits_is_rendered_when_the_price_comes_down(stage: Stage) -> None:
    stage.fake.asks = {ANN: 140, BEN: 120}

    def tell(standing: Standing) -> None:
        stage.told.append(standing)
        if standing.lowest == 120:
            stage.fake.ask_again({ANN: 140, BEN: 60})

    settled = job.carry_out(replace(stage.run, tell=tell, wait=True))
    assert settled.view.phase is JobPhase.DONE
    assert "waiting for a lower price" in {standing.step for standing in stage.told}


def test_ctrl_c_pays_what_is_accepted_and_returns_the_rest(stage: Stage, tmp_path: Path) -> None:
    before = stage.wallet

    def interrupt(standing: Standing) -> None:
        stage.told.append(standing)
        if standing.done == 7 and not any(s.step == "giving the job up" for s in stage.told):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.carry_out(replace(stage.run, tell=interrupt))
    assert stage.fake.view is not None
    assert stage.status is Status.CLOSED
    assert 7 <= sum(u.phase is UnitPhase.ACCEPTED for u in stage.fake.view.units) < 12
    assert stage.wallet == before - owed(stage) < before
    assert [path.name for path in tmp_path.iterdir()] == ["1.exr"]  # the frame that was whole


def test_a_coordinator_that_overcharges_gets_no_signature(stage: Stage, tmp_path: Path) -> None:
    def greedy(view: JobView) -> JobView:
        return replace(
            view, owed=tuple(replace(dues, cumulative=Wei(dues.cumulative + 1)) for dues in view.owed)
        )

    stage.fake.lie = greedy
    with pytest.raises(Disputed, match="not the sum") as disputed:
        job.carry_out(stage.run)
    assert stage.fake.signed == []
    assert stage.status is Status.OPEN
    assert "tegula refund" in disputed.value.__notes__[-1]
    assert record.read(tmp_path) == (stage.local.escrow, stage.run.deal.order)


def test_other_bytes_than_the_accepted_image_are_not_paid(stage: Stage) -> None:
    def swap(view: JobView) -> JobView:
        for unit in view.units:
            if unit.image is not None:
                stage.fake.blobs[unit.image] = b"something else"
        return view

    stage.fake.lie = swap
    with pytest.raises(BlobError, match="other bytes"):
        job.carry_out(stage.run)
    assert stage.fake.signed == []


def test_a_job_that_fails_says_why_and_returns_the_rest(stage: Stage) -> None:
    before = stage.wallet

    def fail(fake: FakeCoordinator) -> None:
        assert fake.view is not None
        if sum(u.phase is UnitPhase.ACCEPTED for u in fake.view.units) == 3:
            units = tuple(
                u if u.phase is UnitPhase.ACCEPTED else replace(u, phase=UnitPhase.DEAD)
                for u in fake.view.units
            )
            fake.view = replace(
                fake.view, phase=JobPhase.FAILED, units=units, reason="tile 3 failed too often"
            )
            fake.step = lambda: None  # type: ignore[method-assign]

    stage.fake.on_step = fail
    with pytest.raises(JobFailed, match="tile 3 failed too often"):
        job.carry_out(stage.run)
    assert stage.wallet == before - owed(stage)


def test_a_coordinator_that_restarts_in_mid_job_is_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes away for good when the fifth tile is asked for; the client's pause is where it comes back."""
    moves = ["away", "back"]

    def vanish(standing: Standing) -> None:
        if standing.done == 5 and "away" in moves:
            moves.pop(0)
            stage.serving.__exit__()

    def come_back(_seconds: float) -> None:
        if moves == ["back"]:  # whoever waits for the chain sleeps, too
            moves.pop()
            stage.serving.__enter__()

    monkeypatch.setattr(client_module.time, "sleep", come_back)
    settled = job.carry_out(replace(stage.run, tell=vanish))
    assert moves == []
    assert settled.view.phase is JobPhase.DONE
    assert (tmp_path / "2.exr").exists()


def test_a_coordinator_that_refuses_the_order_after_the_deposit(stage: Stage, tmp_path: Path) -> None:
    """The one case in which nothing but time brings the deposit back: the record tells how."""
    blobs = dict(stage.run.blobs)
    blobs.clear()
    with pytest.raises(Refused, match="manifest is not uploaded") as refused:
        job.carry_out(replace(stage.run, blobs=blobs))
    assert stage.status is Status.OPEN
    assert "tegula refund" in refused.value.__notes__[-1]
    assert (tmp_path / record.RECORD).exists()


@pytest.mark.parametrize("no", [ProxyPage(500), Busy(1)], ids=["cut off", "too often"])
def test_an_upload_is_patient(stage: Stage, monkeypatch: pytest.MonkeyPatch, no: No) -> None:
    assert job.UPLOAD_PATIENCE > 60, "a minute's count may ask for a minute"
    nos, handle_it = [no, no], stage.fake.handle

    def handle(method: str, *asked: Any) -> Any:
        if method == "PUT" and nos:
            raise nos.pop()
        return handle_it(method, *asked)

    monkeypatch.setattr(stage.fake, "handle", handle)
    assert job.carry_out(stage.run).view.phase is JobPhase.DONE
    assert nos == []


def test_nobody_there_before_the_deposit_costs_nothing(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "UPLOAD_PATIENCE", 0.1)
    client = Client("http://127.0.0.1:1", TOKEN)
    made = new_deal(stage.local, stage.escrow, client)
    before = stage.wallet
    with pytest.raises(BlobError, match="no answer"):
        job.carry_out(replace(stage.run, deal=made))
    assert stage.wallet == before
    assert list(tmp_path.iterdir()) == []


def rooted(stage: Stage, extra: int = 0) -> None:
    """After six tiles the requester is as if it had been away: there is a root, which may say too much."""

    def post(fake: FakeCoordinator) -> None:
        view = fake.view
        assert view is not None
        if sum(u.phase is UnitPhase.ACCEPTED for u in view.units) != 6:
            return
        said = (replace(view.owed[0], cumulative=Wei(view.owed[0].cumulative + extra)), *view.owed[1:])
        totals = {dues.worker: dues.cumulative for dues in said}
        tree, reserve = Tree.of(view.job, totals), Wei(sum(totals.values()))
        stage.escrow.post_root(stage.run.deal.order.terms, tree.root, reserve, COORDINATOR)
        found = stage.escrow.root(view.job)
        assert found is not None
        units = tuple(
            u if u.phase is UnitPhase.ACCEPTED else replace(u, phase=UnitPhase.CANCELLED) for u in view.units
        )
        fake.view = replace(
            view,
            phase=JobPhase.CANCELLED,
            reason="the requester was not heard from",
            units=units,
            owed=said,
            root=RootView(found.hash, found.reserved, found.final_at, reserve),
        )
        fake.step = lambda: None  # type: ignore[method-assign]

    stage.fake.on_step = post


def test_a_requester_that_is_back_closes_beside_the_root(stage: Stage) -> None:
    before = stage.wallet
    rooted(stage)
    with pytest.raises(JobFailed, match=r"not heard from\. What was accepted is paid"):
        job.carry_out(stage.run)
    assert stage.status is Status.CLOSED
    assert stage.wallet == before - owed(stage)
    root = stage.escrow.root(stage.run.deal.job)
    assert root is not None
    assert (root.reserved, root.disputed) == (owed(stage), False)


def test_what_was_claimed_beside_the_root_stays_too(stage: Stage) -> None:
    """By a voucher, from a worker that had not heard: it is kept twice until the reserve ends."""
    before = stage.wallet
    rooted(stage)
    claimed: list[bytes | None] = []

    def claim(view: JobView) -> JobView:
        if view.root is not None and not claimed:
            claimed.append(stage.claim(ANN, Wei(1)))
        return view

    stage.fake.lie = claim
    with pytest.raises(JobFailed):
        job.carry_out(stage.run)
    assert stage.status is Status.CLOSED
    assert stage.wallet == before - owed(stage) - 1


def test_a_root_that_overstates_is_disputed(stage: Stage, tmp_path: Path) -> None:
    rooted(stage, extra=100)
    with pytest.raises(Overstated, match="not the sum") as found:
        job.carry_out(stage.run)
    root = stage.escrow.root(stage.run.deal.job)
    assert root is not None
    assert root.disputed
    arbiter = stage.local.key(6)
    notes = found.value.__notes__
    assert f"the arbiter 0x{arbiter.address.hex()} decides before" in notes[0]
    assert "tegula refund" in notes[-1]
    assert (tmp_path / record.RECORD).exists()
    assert stage.escrow.rule(stage.run.deal.order.terms, arbiter, stands=False)


def test_a_root_that_the_coordinator_hides_is_found_on_chain(stage: Stage) -> None:
    rooted(stage, extra=100)

    def hide(view: JobView) -> JobView:
        if view.root is None:
            return view
        first = replace(view.owed[0], cumulative=Wei(view.owed[0].cumulative - 100))
        return replace(view, root=None, owed=(first, *view.owed[1:]))

    stage.fake.lie = hide
    with pytest.raises(Overstated, match="is not that of what it says is owed"):
        job.carry_out(stage.run)
    root = stage.escrow.root(stage.run.deal.job)
    assert root is not None
    assert root.disputed


def test_the_outcome_tells_who_worked_when(stage: Stage) -> None:
    settled = job.carry_out(stage.run)
    told = runs.outcome(stage.run, settled, "roof.blend", ())
    assert {span.lane for span in told.spans} == {codec.encode(ANN), codec.encode(BEN), "probes"}
    assert told.seconds["tiles"] == pytest.approx(12 * 0.25)
    assert {"total", "chain", "upload", "market", "transfer", "stitch", "settle"} <= told.seconds.keys()
