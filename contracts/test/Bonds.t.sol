// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

/// @dev A coordinator that signed vouchers of 400 for a worker, and posted a root that says 300, or nothing.
abstract contract BondTests is Base {
    function test_who_was_promised_more_is_paid_from_the_bond() public {
        ITileEscrow.Terms memory made = rooted(1000);
        bytes32 job = escrow.jobId(made);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Accused(job, WORKER, 400, NOW + 2 * WINDOW);
        accuse(made, WORKER, 400);
        VM.warp(NOW + 2 * WINDOW - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.slash(made, WORKER);
        VM.warp(NOW + 2 * WINDOW);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Slashed(job, WORKER, 100);
        VM.prank(STRANGER);
        escrow.slash(made, WORKER);
        same(balance(WORKER), 400);
        same(balance(REQUESTER), 100);
        same(escrow.bonds(job), 800);
        same(escrow.claimed(job, WORKER), 400);
        (uint96 funded, uint96 paid,,,) = escrow.account(job);
        same(funded, DEPOSIT + 100);
        same(paid, 400);
        (uint96 cumulative, uint40 until) = escrow.accusations(job, WORKER);
        same(cumulative + until, 0);
        same(claim(made, WORKER, 400), 0); // the voucher was paid by the bond
        refuseSlash(made, WORKER, ITileEscrow.NotAccused.selector);
    }

    function test_a_worker_that_the_root_leaves_out_is_paid_too() public {
        ITileEscrow.Terms memory made = rooted(1000);
        accuse(made, STRANGER, 70);
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, STRANGER);
        same(balance(STRANGER), 70);
    }

    function test_an_honest_coordinator_answers_with_the_leaf() public {
        ITileEscrow.Terms memory made = rooted(1000);
        accuse(made, WORKER, 300);
        VM.prank(made.coordinator);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.warp(NOW + 2 * WINDOW);
        refuseSlash(made, WORKER, ITileEscrow.NotAccused.selector);
        same(escrow.bonds(escrow.jobId(made)), 1000);
        refuseAccuse(made, WORKER, 300, COORDINATOR_KEY, ITileEscrow.NotAccused.selector);
    }

    function test_half_of_the_bond_at_most_is_the_workers() public {
        ITileEscrow.Terms memory made = rooted(151);
        accuse(made, STRANGER, 70_000);
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, STRANGER);
        same(balance(STRANGER), 75);
        same(balance(REQUESTER), 75);
        same(escrow.bonds(escrow.jobId(made)), 1);
        accuse(made, STRANGER, 70_000);
        VM.warp(NOW + 3 * WINDOW);
        refuseSlash(made, STRANGER, ITileEscrow.NothingHeld.selector);
    }

    /// @dev It could keep an honest worker off by small accusations of its own, each with a window of its own.
    function test_a_coordinator_cannot_accuse_itself_first_to_win_time() public {
        ITileEscrow.Terms memory made = rooted(1000);
        accuse(made, WORKER, 1);
        VM.warp(NOW + 2 * WINDOW - 1);
        accuse(made, WORKER, 400);
        (uint96 cumulative, uint40 until) = escrow.accusations(escrow.jobId(made), WORKER);
        same(cumulative, 400);
        same(until, NOW + 2 * WINDOW);
        refuseAccuse(made, WORKER, 399, COORDINATOR_KEY, ITileEscrow.NotAccused.selector);
        refuseAccuse(made, WORKER, 400, COORDINATOR_KEY, ITileEscrow.NotAccused.selector);
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, WORKER);
        same(balance(WORKER), 400);
    }

    /// @dev Who answered one accusation in part has a window for the next.
    function test_an_answered_accusation_leaves_no_old_time_behind() public {
        ITileEscrow.Terms memory made = rooted(1000);
        accuse(made, WORKER, 100);
        claim(made, WORKER, 100);
        VM.warp(NOW + 2 * WINDOW + 5);
        accuse(made, WORKER, 300);
        refuseSlash(made, WORKER, ITileEscrow.TooEarly.selector);
        (, uint40 until) = escrow.accusations(escrow.jobId(made), WORKER);
        same(until, NOW + 3 * WINDOW + 5);
    }

    function test_only_the_coordinators_word_accuses_it() public {
        ITileEscrow.Terms memory made = rooted(1000);
        bytes4 unsigned = ITileEscrow.BadCoordinatorSignature.selector;
        refuseAccuse(made, WORKER, 400, SIGNER_KEY, unsigned);
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), WORKER, 400);
        bytes memory good = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(unsigned);
        escrow.accuse(made, WORKER, 401, good);
        VM.expectRevert(unsigned);
        escrow.accuse(made, OTHER_WORKER, 400, good);
    }

    function test_accusations_are_for_roots_that_are_final() public {
        ITileEscrow.Terms memory made = opened();
        refuseAccuse(made, WORKER, 400, COORDINATOR_KEY, ITileEscrow.NoRootHere.selector);
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW - 1);
        refuseAccuse(made, WORKER, 400, COORDINATOR_KEY, ITileEscrow.TooEarly.selector);
        VM.warp(NOW + WINDOW);
        accuse(made, WORKER, 400);
        VM.warp(DEADLINE + GRACE - 1);
        accuse(made, WORKER, 401);
        VM.warp(DEADLINE + GRACE);
        refuseAccuse(made, WORKER, 402, COORDINATOR_KEY, ITileEscrow.TooLate.selector);
    }

    function test_the_bond_returns_when_nobody_can_be_slashed() public {
        ITileEscrow.Terms memory made = rooted(1000);
        VM.warp(DEADLINE + GRACE - 1);
        accuse(made, STRANGER, 60);
        VM.warp(DEADLINE + GRACE + 2 * WINDOW - 1);
        refuseUnbond(made, ITileEscrow.TooEarly.selector);
        escrow.slash(made, STRANGER);
        same(balance(STRANGER), 60);
        VM.warp(DEADLINE + GRACE + 2 * WINDOW);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Unbonded(escrow.jobId(made), 880);
        VM.prank(STRANGER);
        escrow.unbond(made);
        same(balance(made.coordinator), 880);
        refuseUnbond(made, ITileEscrow.NothingHeld.selector);
    }

    /// @dev A root that is posted at the very end of the grace is final after it.
    function test_a_late_root_keeps_the_bond_for_longer() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 1000);
        VM.warp(DEADLINE + GRACE - 1);
        postRoot(made, 300, 50, 350);
        uint256 over = DEADLINE + GRACE - 1 + WINDOW + GRACE + 2 * WINDOW;
        VM.warp(over - 1);
        refuseUnbond(made, ITileEscrow.TooEarly.selector);
        VM.warp(over);
        escrow.unbond(made);
    }

    function test_the_bond_returns_with_the_end_of_a_job_that_has_no_root() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 1000);
        refuseUnbond(made, ITileEscrow.TooEarly.selector);
        VM.warp(DEADLINE + GRACE);
        refuseUnbond(made, ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        escrow.unbond(made);
        same(balance(made.coordinator), 1000);
    }

    function test_a_close_without_a_root_frees_the_bond() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 1000);
        close(made, 0);
        escrow.unbond(made);
        same(balance(made.coordinator), 1000);
    }

    function test_a_close_with_a_root_does_not() public {
        ITileEscrow.Terms memory made = rooted(1000);
        close(made, 350);
        refuseUnbond(made, ITileEscrow.TooEarly.selector);
        accuse(made, STRANGER, 60);
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, STRANGER);
        same(balance(STRANGER), 60);
    }

    function test_anyone_bonds_an_open_job_and_the_coordinator_has_it_back() public {
        ITileEscrow.Terms memory made = terms();
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.bond(made, 0);
        opened();
        uint256 value = prepare(STRANGER, 7);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Bonded(escrow.jobId(made), STRANGER, 7);
        VM.prank(STRANGER);
        escrow.bond{value: value}(made, 7);
        bond(made, 30);
        same(escrow.bonds(escrow.jobId(made)), 37);
        close(made, 0);
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.bond(made, 0);
        escrow.unbond(made);
        same(balance(made.coordinator), 37);
    }

    function test_what_the_bond_pays_has_the_authors_part_in_it() public {
        ITileEscrow.Terms memory made = terms();
        (made.author, made.authorBps) = (AUTHOR, 1000);
        openWith(made, DEPOSIT);
        bond(made, 1000);
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
        accuse(made, STRANGER, 99);
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, STRANGER);
        same(balance(STRANGER), 90);
        same(collectRoyalty(made), 9);
        same(balance(REQUESTER), 99);
    }

    function rooted(uint96 amount) internal returns (ITileEscrow.Terms memory made) {
        made = opened();
        bond(made, amount);
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
    }

    function refuseSlash(ITileEscrow.Terms memory made, address worker, bytes4 reason) private {
        VM.expectRevert(reason);
        escrow.slash(made, worker);
    }

    function refuseUnbond(ITileEscrow.Terms memory made, bytes4 reason) private {
        VM.expectRevert(reason);
        escrow.unbond(made);
    }

    function refuseAccuse(
        ITileEscrow.Terms memory made,
        address worker,
        uint96 cumulative,
        uint256 key,
        bytes4 reason
    ) private {
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), worker, cumulative);
        bytes memory signature = signed(key, digest);
        VM.expectRevert(reason);
        escrow.accuse(made, worker, cumulative, signature);
    }
}

contract BondsInEtherTest is BondTests {}

contract BondsInDollarsTest is BondTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
