// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

abstract contract RefundTests is Base {
    function test_the_rest_returns_after_deadline_and_grace() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 100);
        VM.warp(DEADLINE + GRACE);
        bytes32 job = escrow.jobId(made);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Refunded(job, DEPOSIT - 100);
        VM.prank(STRANGER);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 100);
        same(balance(STRANGER), 0);
        same(balance(address(escrow)), 0);
        (uint96 funded, uint96 paid,, ITileEscrow.Status now_,) = escrow.account(job);
        same(funded, 100);
        same(paid, 100);
        same(now_, ITileEscrow.Status.REFUNDED);
    }

    function test_no_refund_a_second_too_early() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
    }

    function test_a_refund_comes_once() public {
        ITileEscrow.Terms memory made = terms();
        VM.warp(DEADLINE + GRACE);
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.refund(made);
        VM.warp(NOW);
        opened();
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.refund(made);
    }

    function test_what_nobody_claimed_of_a_closed_job_returns_too() public {
        ITileEscrow.Terms memory made = opened();
        close(made, 300);
        claim(made, WORKER, 100);
        VM.warp(DEADLINE + GRACE - 1);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 100);
        same(balance(address(escrow)), 0);
    }

    function test_nothing_is_closed_or_topped_up_after_it() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        expectRefusedClose(made, 0, ITileEscrow.NotOpen.selector);
        uint256 value = prepare(STRANGER, 1);
        VM.prank(STRANGER);
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.topUp{value: value}(made, 1);
    }

    function test_the_longest_grace_locks_no_call() public {
        ITileEscrow.Terms memory made = terms();
        made.deadline = type(uint40).max;
        made.grace = type(uint32).max;
        openWith(made, DEPOSIT);
        VM.warp(made.deadline);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(uint256(made.deadline) + made.grace);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT);
    }
}

contract RefundInEtherTest is RefundTests {}

contract RefundInDollarsTest is RefundTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
