"""Roots, disputes and bonds on real chains: one suite on eth-tester's EVM and on anvil."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from chains import ENGINES, running
from escrow_scene import COORDINATOR, DEPOSIT, Scene, both, voucher
from tegula_market import vouchers
from tegula_market.adapters import chain, evm, roots
from tegula_market.adapters.chain import Escrow, Refused, Status
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.roots import Tree
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, Address, JobId, Terms, Wei

pytestmark = pytest.mark.slow

WINDOW = 600
ETHERS = Wei(10**18)


@pytest.fixture(scope="module", params=ENGINES)
def local(request: pytest.FixtureRequest) -> Iterator[DevChain]:
    with running(request.param) as chain:
        yield chain


@dataclass(frozen=True)
class Court(Scene):
    """With an arbiter, and a job of which two workers are owed something."""

    arbiter: Key
    job: Terms
    ann: Address
    bob: Address

    @property
    def id(self) -> JobId:
        return chain.job_id(self.job)

    @property
    def totals(self) -> dict[Address, Wei]:
        return {self.ann: Wei(400), self.bob: Wei(50)}

    @property
    def tree(self) -> Tree:
        return Tree.of(self.id, self.totals)

    def post(self) -> bytes | None:
        return self.escrow.post_root(self.job, self.tree.root, Wei(450), COORDINATOR)

    def final(self) -> None:
        root = self.escrow.root(self.id)
        assert root is not None
        self.travel(root.final_at + 1)  # eth-tester's newest block is one second back

    def claim_leaf(self, worker: Address) -> bytes | None:
        proof = self.tree.proof(worker)
        return self.escrow.claim_root(self.job, worker, self.totals[worker], proof, self.relay)


@pytest.fixture(params=["ether", "dollars"])
def court(request: pytest.FixtureRequest, local: DevChain) -> Court:
    token = ETHER if request.param == "ether" else local.dollar
    requester, arbiter = local.key(1), local.key(3)
    local.mint(requester.address, Wei(3 * DEPOSIT))
    local.mint(COORDINATOR.address, Wei(3 * DEPOSIT))
    local.give_ether(COORDINATOR.address, ETHERS)
    escrow = Escrow.connect(local.rpc, local.escrow)
    scene = Scene(local, escrow, token, requester, local.key(2))
    job = replace(scene.terms(), arbiter=arbiter.address, window=WINDOW, grace=4 * WINDOW)
    assert escrow.open(job, DEPOSIT, requester)
    ann, bob = Key.generate().address, Key.generate().address
    return Court(local, escrow, token, requester, local.key(2), arbiter, job, ann, bob)


def test_a_root_pays_after_its_window(court: Court) -> None:
    assert court.escrow.root(court.id) is None
    assert court.post()
    root = court.escrow.root(court.id)
    assert root is not None
    assert (root.hash, root.reserved, root.disputed) == (court.tree.root, 450, False)
    with pytest.raises(Refused, match="too early"):
        court.claim_leaf(court.ann)
    court.final()
    assert court.escrow.time() >= root.final_at
    assert court.claim_leaf(court.ann)
    assert court.claim_leaf(court.ann) is None
    assert court.balance(court.ann) == 400
    left = court.escrow.root(court.id)
    assert left is not None
    assert left.reserved == 50
    assert court.escrow.claim_root_gas(
        court.job, court.bob, Wei(50), court.tree.proof(court.bob), court.relay.address
    )
    with pytest.raises(Refused, match="says nothing of the kind"):
        court.escrow.claim_root(court.job, court.bob, Wei(51), court.tree.proof(court.bob), court.relay)


def test_a_root_is_posted_once(court: Court) -> None:
    assert court.post()
    assert court.post() is None
    other = Tree.of(court.id, {court.ann: Wei(401)})
    with pytest.raises(Refused, match="has one already"):
        court.escrow.post_root(court.job, other.root, Wei(401), COORDINATOR)


def test_one_that_was_posted_meanwhile_is_not_an_error(court: Court) -> None:
    """The look comes before the outbox sends what a kill left there, with another reserve."""
    unposted = court.escrow.account(court.id)
    court.escrow.post_root(court.job, court.tree.root, Wei(400), COORDINATOR)
    looks = iter([unposted, court.escrow.account(court.id)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(court.escrow, "account", lambda _: next(looks))
        assert court.post() is None


def test_only_the_coordinator_posts_and_no_more_than_there_is(court: Court) -> None:
    with pytest.raises(Refused, match="only the coordinator"):
        court.escrow.post_root(court.job, court.tree.root, Wei(450), court.relay)
    with pytest.raises(Refused, match="does not cover"):
        court.escrow.post_root(court.job, court.tree.root, Wei(DEPOSIT + 1), COORDINATOR)


def test_a_close_leaves_what_a_root_reserves(court: Court) -> None:
    had = court.balance(court.requester.address)
    court.post()

    def close(owed: int) -> bytes | None:
        payload = vouchers.close_payload(court.escrow.domain, court.id, Wei(owed))
        return court.escrow.close(court.job, Wei(owed), *both(payload), court.relay)

    with pytest.raises(Refused, match="does not cover"):
        close(449)
    assert close(450)
    assert court.balance(court.requester.address) == had + DEPOSIT - 450
    court.final()
    assert court.claim_leaf(court.bob)
    assert court.balance(court.bob) == 50


def test_an_arbiter_voids_a_root(court: Court) -> None:
    court.post()
    had = court.balance(court.requester.address)
    assert court.escrow.dispute(court.job, court.requester)
    assert court.escrow.dispute(court.job, court.requester) is None
    root = court.escrow.root(court.id)
    assert root is not None
    assert (root.stake, root.disputed) == (46, True)
    with pytest.raises(Refused, match="only the arbiter"):
        court.escrow.rule(court.job, court.relay, stands=False)
    assert court.escrow.rule(court.job, court.arbiter, stands=False)
    assert court.escrow.rule(court.job, court.arbiter, stands=False) is None
    assert court.escrow.root(court.id) is None
    if court.token != ETHER:  # ether pays for gas, too
        assert court.balance(court.requester.address) == had
    assert court.post(), "another can be posted, or the same again"


def test_an_arbiter_upholds_a_root(court: Court) -> None:
    court.post()
    had = court.balance(COORDINATOR.address)
    court.escrow.dispute(court.job, court.requester)
    assert court.escrow.rule(court.job, court.arbiter, stands=True)
    assert court.balance(COORDINATOR.address) == had + 46
    assert court.claim_leaf(court.ann), "at once"


def test_a_silent_arbiter_lets_a_root_stand(court: Court) -> None:
    court.post()
    court.escrow.dispute(court.job, court.requester)
    with pytest.raises(Refused, match="too early"):
        court.escrow.lapse(court.job, court.relay)
    court.final()
    assert court.escrow.lapse(court.job, court.relay)
    assert court.escrow.lapse(court.job, court.relay) is None
    assert court.claim_leaf(court.ann)


def test_a_dispute_comes_too_late(court: Court) -> None:
    court.post()
    court.final()
    with pytest.raises(Refused, match="window for this has passed"):
        court.escrow.dispute(court.job, court.requester)
    with pytest.raises(Refused, match="only the requester"):
        court.escrow.dispute(court.job, court.relay)


def test_what_is_reserved_returns_by_another_refund(court: Court) -> None:
    had = court.balance(court.requester.address)
    court.travel(court.job.deadline)
    court.post()
    root = court.escrow.root(court.id)
    assert root is not None
    court.travel(court.job.deadline + court.job.grace)
    assert court.escrow.refund(court.job, court.relay)
    assert court.balance(court.requester.address) == had + DEPOSIT - 450
    assert court.escrow.refund(court.job, court.relay) is None, "not yet"
    assert court.claim_leaf(court.bob)
    court.travel(root.final_at + court.job.grace + 1)
    assert court.escrow.refund(court.job, court.relay)
    assert court.escrow.refund(court.job, court.relay) is None
    assert court.balance(court.requester.address) == had + DEPOSIT - 50
    assert court.escrow.account(court.id).status is Status.REFUNDED


def test_a_coordinator_that_signed_more_pays_with_its_bond(court: Court) -> None:
    assert court.escrow.bond(court.job, Wei(100), COORDINATOR)
    assert court.escrow.bond(court.job, Wei(100), COORDINATOR) is None
    assert court.escrow.bonded(court.id) == 100
    court.post()
    court.final()
    promised = voucher(court, court.job, court.bob, 80)
    court.claim_leaf(court.bob)
    assert court.escrow.slash(court.job, court.bob, court.relay) is None
    assert court.escrow.accuse(court.job, promised, court.relay)
    assert court.escrow.accuse(court.job, promised, court.relay) is None
    with pytest.raises(Refused, match="too early"):
        court.escrow.slash(court.job, court.bob, court.relay)
    court.travel(court.escrow.time() + WINDOW)
    assert court.escrow.slash(court.job, court.bob, court.relay)
    assert court.escrow.slash(court.job, court.bob, court.relay) is None
    assert court.balance(court.bob) == 80
    assert court.escrow.bonded(court.id) == 40
    with pytest.raises(Refused, match="too early"):
        court.escrow.unbond(court.job, court.relay)
    court.travel(court.job.deadline + court.job.grace + 2 * WINDOW)
    assert court.escrow.unbond(court.job, court.relay)
    assert court.escrow.unbond(court.job, court.relay) is None


def test_vouchers_of_several_jobs_are_claimed_together(court: Court) -> None:
    both_jobs = [(terms, voucher(court, terms, court.ann, 30)) for terms in (court.job, court.opened())]
    assert court.escrow.claim_jobs(both_jobs, court.relay)
    assert court.balance(court.ann) == 60
    assert court.escrow.claim_jobs(both_jobs, court.relay) is None
    more = (court.job, voucher(court, court.job, court.ann, 35))
    assert court.escrow.claim_jobs([more, both_jobs[1]], court.relay)
    assert court.balance(court.ann) == 65
    assert roots.reserve({court.ann: Wei(400)}, {court.ann: Wei(35)}) == 365


def test_every_error_of_the_escrow_has_a_sentence() -> None:
    names = {entry["name"] for entry in evm.artifact("TileEscrow")["abi"] if entry["type"] == "error"}
    libraries = "ECDSA", "Invalid", "Reentrancy", "SafeCast", "SafeERC20", "String"
    ours = {name for name in names if not name.startswith(libraries)}
    assert ours <= evm.SENTENCES.keys()
