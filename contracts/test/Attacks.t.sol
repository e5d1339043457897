// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {TileEscrow} from "../src/TileEscrow.sol";
import {Base} from "./Base.sol";
import {ReenteringPayee} from "./mocks/Payees.sol";
import {CunningToken} from "./mocks/Tokens.sol";

/// @dev What somebody who wants more than is theirs would try. Signatures of other forms are tried in SignatureTest,
/// permits in PermitTest, payees in PayeesTest.
abstract contract AttackTests is Base {
    function test_every_signed_act_is_for_one_job_one_contract_and_one_chain() public {
        ITileEscrow.Terms memory made = opened();
        ITileEscrow.Terms memory other = terms();
        other.salt = bytes32(uint256(2));
        openWith(other, DEPOSIT);
        postRoot(other, 300, 50, 350);
        VM.warp(NOW + WINDOW);
        replayed(made, other);
        TileEscrow first = escrow;
        escrow = new TileEscrow();
        openWith(made, DEPOSIT);
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + 2 * WINDOW);
        TileEscrow second = escrow;
        escrow = first;
        replayedOn(second, made, made, block.chainid, block.chainid);
        replayedOn(second, made, made, block.chainid, 4242);
    }

    /// @dev After a fork of the chain each side has its id; a domain that was computed once would serve both.
    function test_a_fork_of_the_chain_replays_nothing() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
        uint256 here = block.chainid;
        replayedOn(escrow, made, made, here, 4242);
        VM.chainId(4242);
        same(claim(made, WORKER, 5), 5);
        replayedOn(escrow, made, made, 4242, here);
    }

    /// @dev A requester whose own worker empties the deposit before honest ones claim. It has one key of two.
    function test_a_sock_puppet_of_the_requesters_is_paid_nothing() public {
        ITileEscrow.Terms memory made = opened();
        address puppet = address(0xDEED);
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), puppet, DEPOSIT);
        bytes memory own = signed(SIGNER_KEY, digest);
        bytes memory requesters = signed(REQUESTER_KEY, digest);
        VM.expectRevert(ITileEscrow.BadCoordinatorSignature.selector);
        escrow.claim(made, puppet, DEPOSIT, own, own);
        VM.expectRevert(ITileEscrow.BadCoordinatorSignature.selector);
        escrow.claim(made, puppet, DEPOSIT, own, requesters);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        bytes32 root = leaf(made, puppet, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.NotCoordinator.selector);
        escrow.postRoot(made, root, DEPOSIT);
    }

    /// @dev Requester and coordinator together can sign anything, but what a root has reserved is out of reach.
    function test_both_keys_together_leave_what_is_reserved() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        claim(made, address(0xDEED), DEPOSIT - 350);
        VM.warp(NOW + WINDOW);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        escrow.claimRoot(made, OTHER_WORKER, 50, beside(made, WORKER, 300));
        same(balance(address(escrow)), 0);
    }

    /// @dev A coordinator that pays itself: by a voucher never, by a root not while somebody looks.
    function test_a_lone_coordinator_is_paid_nothing_that_is_disputed() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), made.coordinator, DEPOSIT);
        bytes memory own = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claim(made, made.coordinator, DEPOSIT, own, own);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.close(made, DEPOSIT, own, own);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.extend(made, type(uint40).max, own, own);
        bytes32 theft = leaf(made, made.coordinator, DEPOSIT);
        for (uint256 i = 0; i < 3; ++i) {
            VM.prank(made.coordinator);
            escrow.postRoot(made, theft, DEPOSIT);
            dispute(made);
            rule(made, false);
        }
        refuseRoot(made, made.coordinator, DEPOSIT, new bytes32[](0), ITileEscrow.BadProof.selector);
        VM.warp(DEADLINE + GRACE);
        VM.prank(made.coordinator);
        VM.expectRevert(ITileEscrow.TooLate.selector);
        escrow.postRoot(made, theft, DEPOSIT);
        escrow.refund(made);
        same(balance(made.coordinator), 0);
    }

    /// @dev Neither arbiter nor coordinator takes anything alone, whatever the arbiter says.
    function test_an_arbiter_moves_nothing_without_a_dispute() public {
        ITileEscrow.Terms memory made = opened();
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
        VM.prank(made.arbiter);
        VM.expectRevert(ITileEscrow.NotDisputed.selector);
        escrow.rule(made, false);
    }

    /// @dev Vouchers of 400 and a root of 300, from one hand.
    function test_contradictory_roots_cost_the_bond() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 1000);
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), WORKER, 400);
        bytes memory half = signed(COORDINATOR_KEY, digest);
        postRoot(made, 300, 50, 350);
        VM.warp(NOW + WINDOW);
        escrow.accuse(made, WORKER, 400, half);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.warp(NOW + 2 * WINDOW);
        escrow.slash(made, WORKER);
        same(balance(WORKER), 400);
        same(escrow.bonds(escrow.jobId(made)), 800);
    }

    /// @dev Whoever adds to a deposit, and however little, moves nothing else and stops no refund.
    function test_dust_moves_no_timer() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 10);
        postRoot(made, 300, 50, 350);
        bytes32 job = escrow.jobId(made);
        (,,, uint40 finalAt) = escrow.roots(job);
        for (uint256 i = 0; i < 5; ++i) {
            topUp(made, STRANGER, i == 0 ? 0 : 1);
            uint256 value = prepare(STRANGER, 1);
            VM.prank(STRANGER);
            escrow.bond{value: value}(made, 1);
        }
        (uint96 funded,, uint40 deadline,,) = escrow.account(job);
        same(funded, DEPOSIT + 4);
        same(deadline, DEADLINE);
        (, uint96 reserved,, uint40 now_) = escrow.roots(job);
        same(now_, finalAt);
        same(reserved, 350);
        VM.warp(finalAt);
        escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50));
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(status(made), ITileEscrow.Status.REFUNDED);
    }

    function test_a_drained_id_never_opens_again() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, DEPOSIT);
        refuseOpen(made);
        close(made, DEPOSIT);
        refuseOpen(made);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        VM.warp(NOW);
        refuseOpen(made);
        expectRefusedClaim(made, WORKER, DEPOSIT + 1, ITileEscrow.NotOpen.selector);
        same(claim(made, WORKER, DEPOSIT), 0);
    }

    /// @dev Every time at which something begins or ends, a second before and on it.
    function test_boundaries() public {
        ITileEscrow.Terms memory made = terms();
        VM.warp(DEADLINE - 1);
        openWith(made, DEPOSIT);
        topUp(made, STRANGER, 1);
        VM.warp(DEADLINE);
        uint256 value = prepare(STRANGER, 1);
        VM.prank(STRANGER);
        VM.expectRevert(ITileEscrow.DeadlinePassed.selector);
        escrow.topUp{value: value}(made, 1);
        postRoot(made, 300, 50, 350);
        VM.warp(DEADLINE + WINDOW - 1);
        refuseRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50), ITileEscrow.TooEarly.selector);
        dispute(made);
        VM.warp(DEADLINE + WINDOW - 1 + 3 * WINDOW - 1);
        rule(made, true);
        same(escrow.claimRoot(made, WORKER, 300, beside(made, OTHER_WORKER, 50)), 300);
        VM.warp(DEADLINE + GRACE - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        claim(made, WORKER, 301);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(status(made), ITileEscrow.Status.CLOSED);
        uint256 expiry = DEADLINE + 4 * WINDOW - 2 + GRACE;
        VM.warp(expiry - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(expiry);
        escrow.refund(made);
        same(status(made), ITileEscrow.Status.REFUNDED);
    }

    /// @dev All that is signed for `made`, on a contract where `other` is the open job.
    function replayed(ITileEscrow.Terms memory made, ITileEscrow.Terms memory other) private {
        replayedOn(escrow, made, other, block.chainid, block.chainid);
    }

    function replayedOn(
        TileEscrow on,
        ITileEscrow.Terms memory made,
        ITileEscrow.Terms memory other,
        uint256 signedOn,
        uint256 sentTo
    ) private {
        bytes32 job = escrow.jobId(made);
        VM.chainId(signedOn);
        bytes32[3] memory digests = [
            escrow.voucherDigest(job, WORKER, 400),
            escrow.closeDigest(job, 400),
            escrow.extendDigest(job, DEADLINE + 400)
        ];
        VM.chainId(sentTo);
        bytes4 bad = ITileEscrow.BadSignerSignature.selector;
        bytes memory signer = signed(SIGNER_KEY, digests[0]);
        bytes memory coordinator = signed(COORDINATOR_KEY, digests[0]);
        VM.expectRevert(bad);
        on.claim(other, WORKER, 400, signer, coordinator);
        VM.expectRevert(ITileEscrow.BadCoordinatorSignature.selector);
        on.accuse(other, WORKER, 400, coordinator);
        (signer, coordinator) = (signed(SIGNER_KEY, digests[1]), signed(COORDINATOR_KEY, digests[1]));
        VM.expectRevert(bad);
        on.close(other, 400, signer, coordinator);
        (signer, coordinator) = (signed(SIGNER_KEY, digests[2]), signed(COORDINATOR_KEY, digests[2]));
        VM.expectRevert(bad);
        on.extend(other, DEADLINE + 400, signer, coordinator);
        VM.chainId(signedOn);
    }

    function refuseOpen(ITileEscrow.Terms memory made) private {
        uint256 value = prepare(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.AlreadyOpen.selector);
        escrow.open{value: value}(made, DEPOSIT);
    }
}

contract AttacksInEtherTest is AttackTests {
    /// @dev Whoever is paid in ether runs, and finds every door shut.
    function test_a_payee_comes_back_in_by_no_door() public {
        ITileEscrow.Terms memory made = terms();
        ReenteringPayee thief = new ReenteringPayee(escrow);
        (made.requester, made.arbiter) = (address(thief), address(thief));
        (made.author, made.authorBps) = (address(thief), 1000);
        made.arbiter = ARBITER;
        openWith(made, DEPOSIT);
        bytes[] memory doors = new bytes[](11);
        doors[0] = abi.encodeCall(escrow.collect, (address(0), address(thief)));
        doors[1] = abi.encodeCall(escrow.refund, (made));
        doors[2] = abi.encodeCall(escrow.collectRoyalty, (made, new address[](0)));
        doors[3] = abi.encodeCall(escrow.lapse, (made));
        doors[4] = abi.encodeCall(escrow.unbond, (made));
        doors[5] = abi.encodeCall(escrow.slash, (made, address(thief)));
        doors[6] = abi.encodeCall(escrow.claimRoot, (made, address(thief), 1, new bytes32[](0)));
        doors[7] = abi.encodeCall(escrow.claimMany, (made, new ITileEscrow.Claim[](0)));
        doors[8] = abi.encodeCall(escrow.claimJobs, (address(thief), new ITileEscrow.JobClaim[](0)));
        doors[9] = abi.encodeCall(escrow.topUp, (made, 0));
        doors[10] = abi.encodeCall(escrow.bond, (made, 0));
        for (uint96 i = 0; i < doors.length; ++i) {
            thief.attackWith(doors[i]);
            claim(made, address(thief), 100 * (i + 1));
            require(!thief.reentered(), "the guard let a payee in");
        }
        same(address(thief).balance + escrow.held(address(0), address(thief)), 90 * doors.length);
    }
}

contract AttacksInDollarsTest is AttackTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }

    /// @dev A token of an attacker's harms jobs in this token only.
    function test_a_token_that_lies_takes_nothing_of_others() public {
        ITileEscrow.Terms memory honest = opened();
        CunningToken cunning = new CunningToken(address(escrow));
        ITileEscrow.Terms memory made = terms();
        made.token = address(cunning);
        made.salt = bytes32(uint256(9));
        VM.prank(REQUESTER);
        escrow.open(made, DEPOSIT); // nothing came in, and the token says that it did
        claim(made, WORKER, DEPOSIT / 2);
        cunning.fail();
        claim(made, OTHER_WORKER, DEPOSIT / 4);
        same(escrow.held(address(cunning), OTHER_WORKER), DEPOSIT / 4);
        close(made, DEPOSIT);
        same(balance(address(escrow)), DEPOSIT);
        claim(honest, WORKER, DEPOSIT);
        same(balance(WORKER), DEPOSIT);
    }

    function test_a_token_comes_back_in_by_no_door() public {
        CunningToken cunning = new CunningToken(address(escrow));
        ITileEscrow.Terms memory made = terms();
        made.token = address(cunning);
        VM.prank(REQUESTER);
        escrow.open(made, DEPOSIT);
        cunning.attackWith(abi.encodeCall(escrow.topUp, (made, 5)));
        claim(made, WORKER, 7);
        require(cunning.called() && !cunning.reentered(), "the guard let a token in");
    }
}
