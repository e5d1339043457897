// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

abstract contract CloseTests is Base {
    function test_closing_returns_the_rest_at_once() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 100);
        bytes32 job = escrow.jobId(made);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Closed(job, 300, DEPOSIT - 300);
        close(made, 300);
        same(balance(REQUESTER), DEPOSIT - 300);
        same(balance(address(escrow)), 200);
        same(status(made), ITileEscrow.Status.CLOSED);
    }

    function test_what_is_owed_stays_claimable_and_empties_the_escrow() public {
        ITileEscrow.Terms memory made = opened();
        close(made, 300);
        claim(made, WORKER, 100);
        claim(made, OTHER_WORKER, 200);
        expectRefusedClaim(made, WORKER, 101, ITileEscrow.Overdrawn.selector);
        same(balance(address(escrow)), 0);
    }

    function test_a_close_can_take_back_nothing_that_is_paid() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 100);
        expectRefusedClose(made, 99, ITileEscrow.Overdrawn.selector);
        close(made, 100);
    }

    function test_a_close_can_promise_nothing_that_is_not_there() public {
        ITileEscrow.Terms memory made = opened();
        expectRefusedClose(made, DEPOSIT + 1, ITileEscrow.Overdrawn.selector);
        close(made, DEPOSIT);
        same(balance(REQUESTER), 0);
    }

    function test_a_job_closes_once() public {
        ITileEscrow.Terms memory made = terms();
        expectRefusedClose(made, 0, ITileEscrow.NotOpen.selector);
        opened();
        close(made, 10);
        expectRefusedClose(made, 10, ITileEscrow.NotOpen.selector);
        expectRefusedClose(made, 0, ITileEscrow.NotOpen.selector);
    }

    function test_neither_key_closes_alone() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 digest = escrow.closeDigest(escrow.jobId(made), 0);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        bytes memory stranger = signed(STRANGER_KEY, digest);
        VM.expectRevert(ITileEscrow.BadCoordinatorSignature.selector);
        escrow.close(made, 0, signer, stranger);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.close(made, 0, stranger, coordinator);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.close(made, 1, signer, coordinator);
    }

    function testFuzz_a_close_shares_the_deposit_out_exactly(uint96 paid, uint96 owed) public {
        ITileEscrow.Terms memory made = opened();
        paid = uint96(bounded(paid, 0, DEPOSIT));
        owed = uint96(bounded(owed, paid, DEPOSIT));
        claim(made, WORKER, paid);
        close(made, owed);
        claim(made, WORKER, owed);
        same(balance(WORKER), owed);
        same(balance(REQUESTER), DEPOSIT - owed);
        same(balance(address(escrow)), 0);
    }
}

contract CloseInEtherTest is CloseTests {}

contract CloseInDollarsTest is CloseTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
