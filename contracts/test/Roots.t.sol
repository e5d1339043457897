// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

abstract contract RootTests is Base {
    function test_a_root_pays_its_leaves_after_the_window() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 job = escrow.jobId(made);
        claim(made, WORKER, 100);
        VM.expectEmit(true, true, true, false, address(escrow));
        emit ITileEscrow.RootPosted(job, 0, 0, 0);
        postRoot(made, 300, 50, 250);
        (, uint96 reserved, uint96 stake, uint40 finalAt) = escrow.roots(job);
        same(reserved, 250);
        same(stake, 0);
        same(finalAt, NOW + WINDOW);
        VM.warp(finalAt - 1);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50), ITileEscrow.TooEarly.selector);
        VM.warp(finalAt);
        VM.prank(STRANGER);
        same(escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50)), 200);
        same(escrow.claimRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300)), 50);
        same(balance(WORKER), 300);
        same(balance(OTHER_WORKER), 50);
        (, reserved,,) = escrow.roots(job);
        same(reserved, 0);
        (, uint96 paid,,,) = escrow.account(job);
        same(paid, 350);
    }

    function test_a_leaf_pays_once() public {
        ITileEscrow.Terms memory made = rooted();
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        same(escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50)), 0);
        same(escrow.claimRoot(made, WORKER, 300, new bytes32[](0)), 0);
        same(balance(WORKER), 300);
    }

    function test_voucher_and_leaf_share_one_ledger() public {
        ITileEscrow.Terms memory made = rooted();
        claim(made, WORKER, 120);
        same(escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50)), 180);
        same(claim(made, WORKER, 300), 0);
        same(claim(made, WORKER, 301), 1);
        same(balance(WORKER), 301);
    }

    function test_only_what_the_root_says_is_paid() public {
        ITileEscrow.Terms memory made = rooted();
        bytes4 bad = ITileEscrow.BadProof.selector;
        refuseRoot(made, WORKER, 301, beside(made, OTHER_WORKER, 50), bad);
        refuseRoot(made, STRANGER, 300, beside(made, OTHER_WORKER, 50), bad);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 51), bad);
        refuseRoot(made, WORKER, 300, new bytes32[](0), bad);
        ITileEscrow.Terms memory other = terms();
        other.salt = bytes32(uint256(2));
        openWith(other, DEPOSIT);
        refuseRoot(other, WORKER, 300, beside(made, OTHER_WORKER, 50), bad);
        other.salt = bytes32(uint256(3));
        bytes4 unopened = ITileEscrow.NotOpen.selector;
        refuseRoot(other, WORKER, 300, beside(made, OTHER_WORKER, 50), unopened);
    }

    /// @dev An inner node of the tree is 64 bytes, as two words are; leaves are hashed twice.
    function test_an_inner_node_is_no_leaf() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 job = escrow.jobId(made);
        VM.prank(made.coordinator);
        escrow.postRoot(made, keccak256(abi.encode(job, WORKER, uint96(300))), 300);
        VM.warp(NOW + WINDOW);
        refuseRoot(made, WORKER, 300, new bytes32[](0), ITileEscrow.BadProof.selector);
    }

    function test_leaves_are_paid_up_to_the_reserve() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 349);
        VM.warp(NOW + WINDOW);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        refuseRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300), ITileEscrow.Overdrawn.selector);
    }

    function test_vouchers_and_close_leave_the_reserve_alone() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        expectRefusedClaim(made, STRANGER, DEPOSIT - 349, ITileEscrow.Overdrawn.selector);
        claim(made, STRANGER, DEPOSIT - 400);
        expectRefusedClose(made, DEPOSIT - 51, ITileEscrow.Overdrawn.selector);
        close(made, DEPOSIT - 50);
        same(balance(REQUESTER), 50);
        expectRefusedClaim(made, STRANGER, DEPOSIT - 399, ITileEscrow.Overdrawn.selector);
        VM.warp(NOW + WINDOW);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        escrow.claimRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300));
        same(balance(address(escrow)), 0);
    }

    function test_only_the_coordinator_posts() public {
        ITileEscrow.Terms memory made = opened();
        address[3] memory others = [made.requester, made.signer, made.arbiter];
        for (uint256 i = 0; i < others.length; ++i) {
            VM.prank(others[i]);
            VM.expectRevert(ITileEscrow.NotCoordinator.selector);
            escrow.postRoot(made, bytes32(uint256(1)), 1);
        }
    }

    function test_one_root_a_job() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        refusePost(made, 350, ITileEscrow.NoRootHere.selector);
        VM.warp(NOW + WINDOW);
        refusePost(made, 350, ITileEscrow.NoRootHere.selector);
    }

    function test_no_root_without_an_arbiter() public {
        ITileEscrow.Terms memory made = terms();
        made.arbiter = address(0);
        openWith(made, DEPOSIT);
        refusePost(made, 1, ITileEscrow.NoRootHere.selector);
    }

    function test_a_root_reserves_no_more_than_there_is() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 100);
        refusePost(made, DEPOSIT - 99, ITileEscrow.Overdrawn.selector);
        postRoot(made, 300, 50, DEPOSIT - 100);
    }

    function test_no_root_before_a_job_is_open_or_after_it_closed() public {
        ITileEscrow.Terms memory made = terms();
        refusePost(made, 0, ITileEscrow.NotOpen.selector);
        opened();
        close(made, 10);
        refusePost(made, 10, ITileEscrow.NotOpen.selector);
    }

    function test_no_root_from_the_refund_on() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE);
        refusePost(made, 1, ITileEscrow.TooLate.selector);
        VM.warp(DEADLINE + GRACE - 1);
        postRoot(made, 300, 50, 350);
    }

    function test_a_refund_leaves_what_a_root_reserves_until_that_expires() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE - 1);
        postRoot(made, 300, 50, 350);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 350);
        same(status(made), ITileEscrow.Status.CLOSED);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        uint256 finalAt = DEADLINE + GRACE - 1 + WINDOW;
        VM.warp(finalAt);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.warp(finalAt + GRACE - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(finalAt + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 300);
        same(status(made), ITileEscrow.Status.REFUNDED);
        same(balance(address(escrow)), 0);
        refuseRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300), ITileEscrow.NotOpen.selector);
    }

    function test_one_refund_is_enough_when_the_root_is_old() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        VM.warp(DEADLINE + GRACE - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT);
        same(status(made), ITileEscrow.Status.REFUNDED);
    }

    function test_a_root_over_the_whole_deposit_refunds_nothing_yet() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE);
        postRoot(made, 300, 50, DEPOSIT);
        VM.warp(DEADLINE + GRACE);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(DEADLINE + WINDOW + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT);
    }

    function rooted() internal returns (ITileEscrow.Terms memory made) {
        made = opened();
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
    }

    function refusePost(ITileEscrow.Terms memory made, uint96 reserve, bytes4 reason) internal {
        VM.prank(made.coordinator);
        VM.expectRevert(reason);
        escrow.postRoot(made, bytes32(uint256(1)), reserve);
    }
}

contract RootsInEtherTest is RootTests {}

contract RootsInDollarsTest is RootTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}

abstract contract DisputeTests is Base {
    function test_a_dispute_stops_the_root() public {
        ITileEscrow.Terms memory made = posted();
        bytes32 job = escrow.jobId(made);
        same(dispute(made), 36);
        (, uint96 reserved, uint96 stake, uint40 finalAt) = escrow.roots(job);
        same(reserved, 350);
        same(stake, 36);
        same(finalAt, NOW + 3 * WINDOW);
        VM.warp(NOW + WINDOW);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50), ITileEscrow.TooEarly.selector);
    }

    function test_a_voided_root_reserves_nothing_and_another_can_come() public {
        ITileEscrow.Terms memory made = posted();
        dispute(made);
        rule(made, false);
        same(balance(REQUESTER), 36);
        (bytes32 hash, uint96 reserved, uint96 stake, uint40 finalAt) = escrow.roots(escrow.jobId(made));
        same(uint256(hash) + reserved + stake + finalAt, 0);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50), ITileEscrow.BadProof.selector);
        claim(made, STRANGER, DEPOSIT - 20);
        postRoot(made, 20, 0, 20);
        VM.warp(NOW + WINDOW);
        same(escrow.claimRoot(made, WORKER, 20, beside(made, OTHER_WORKER, 0)), 20);
        same(balance(address(escrow)), 0);
    }

    function test_an_upheld_root_pays_at_once_and_costs_the_stake() public {
        ITileEscrow.Terms memory made = posted();
        dispute(made);
        rule(made, true);
        same(balance(made.coordinator), 36);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        same(balance(WORKER), 300);
        refuseDispute(made, ITileEscrow.TooLate.selector);
    }

    function test_a_silent_arbiter_lets_the_root_stand() public {
        ITileEscrow.Terms memory made = posted();
        dispute(made);
        VM.warp(NOW + 3 * WINDOW - 1);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50), ITileEscrow.TooEarly.selector);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.lapse(made);
        VM.warp(NOW + 3 * WINDOW);
        VM.prank(made.arbiter);
        VM.expectRevert(ITileEscrow.NotDisputed.selector);
        escrow.rule(made, false);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.prank(STRANGER);
        escrow.lapse(made);
        same(balance(REQUESTER), 36);
        VM.expectRevert(ITileEscrow.NotDisputed.selector);
        escrow.lapse(made);
        escrow.claimRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300));
        same(balance(address(escrow)), DEPOSIT - 350);
    }

    function test_only_the_requester_disputes_once_inside_the_window() public {
        ITileEscrow.Terms memory made = opened();
        refuseDispute(made, ITileEscrow.TooLate.selector); // there is no root
        postRoot(made, 300, 50, 350);
        VM.prank(made.signer);
        VM.expectRevert(ITileEscrow.NotRequester.selector);
        escrow.dispute(made);
        VM.warp(NOW + WINDOW);
        refuseDispute(made, ITileEscrow.TooLate.selector);
        VM.warp(NOW + WINDOW - 1);
        dispute(made);
        refuseDispute(made, ITileEscrow.AlreadyDisputed.selector);
        VM.warp(NOW + WINDOW - 1 + 3 * WINDOW);
        refuseDispute(made, ITileEscrow.AlreadyDisputed.selector);
        escrow.lapse(made);
        refuseDispute(made, ITileEscrow.TooLate.selector);
    }

    function test_a_dispute_wants_its_stake() public {
        ITileEscrow.Terms memory made = posted();
        VM.prank(REQUESTER);
        VM.expectRevert();
        escrow.dispute(made);
        VM.deal(REQUESTER, 35);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.WrongValue.selector);
        escrow.dispute{value: 35}(made);
    }

    function test_only_the_arbiter_rules_while_there_is_a_dispute() public {
        ITileEscrow.Terms memory made = posted();
        VM.prank(made.arbiter);
        VM.expectRevert(ITileEscrow.NotDisputed.selector);
        escrow.rule(made, true);
        dispute(made);
        address[3] memory others = [made.requester, made.signer, made.coordinator];
        for (uint256 i = 0; i < others.length; ++i) {
            VM.prank(others[i]);
            VM.expectRevert(ITileEscrow.NotArbiter.selector);
            escrow.rule(made, true);
        }
        VM.warp(NOW + 3 * WINDOW - 1);
        rule(made, false);
        VM.prank(made.arbiter);
        VM.expectRevert(ITileEscrow.NotDisputed.selector);
        escrow.rule(made, true);
    }

    /// @dev The dispute that comes last of all: the reserve waits for it, the rest does not.
    function test_an_open_dispute_keeps_the_reserve_from_the_refund() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE - 1);
        postRoot(made, 300, 50, 350);
        dispute(made);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 350);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        rule(made, false);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT + 36);
        same(balance(address(escrow)), 0);
    }

    function test_a_dispute_after_the_close_gives_the_reserve_to_vouchers() public {
        ITileEscrow.Terms memory made = posted();
        close(made, 400);
        dispute(made);
        rule(made, false);
        same(claim(made, STRANGER, 400), 400);
        same(balance(address(escrow)), 0);
    }

    function test_events_of_a_dispute() public {
        ITileEscrow.Terms memory made = posted();
        bytes32 job = escrow.jobId(made);
        (bytes32 hash,,,) = escrow.roots(job);
        uint256 value = prepare(REQUESTER, 36);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Disputed(job, hash, 36, NOW + 3 * WINDOW);
        VM.prank(REQUESTER);
        escrow.dispute{value: value}(made);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Ruled(job, hash, false);
        rule(made, false);
        postRoot(made, 300, 50, 350);
        dispute(made);
        VM.warp(NOW + 3 * WINDOW);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Lapsed(job, 36);
        escrow.lapse(made);
    }

    function posted() internal returns (ITileEscrow.Terms memory made) {
        made = opened();
        postRoot(made, 300, 50, 350);
    }

    function refuseDispute(ITileEscrow.Terms memory made, bytes4 reason) internal {
        VM.prank(made.requester);
        VM.expectRevert(reason);
        escrow.dispute(made);
    }
}

contract DisputesInEtherTest is DisputeTests {}

contract DisputesInDollarsTest is DisputeTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
