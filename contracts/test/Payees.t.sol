// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {GreedyPayee, ReenteringPayee, RefusingPayee} from "./mocks/Payees.sol";
import {BlockingToken} from "./mocks/Tokens.sol";

contract PayeesTest is Base {
    RefusingPayee private payee;

    function setUp() public override {
        super.setUp();
        payee = new RefusingPayee();
    }

    function test_ether_that_is_not_taken_is_kept_for_the_payee() public {
        ITileEscrow.Terms memory made = opened();
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Held(address(0), address(payee), 100);
        claim(made, address(payee), 100);
        same(escrow.held(address(0), address(payee)), 100);
        payee.beWilling();
        payee.collect(escrow, address(0), address(payee));
        same(address(payee).balance, 100);
        same(escrow.held(address(0), address(payee)), 0);
    }

    function test_a_payee_that_never_takes_ether_has_it_sent_elsewhere() public {
        claim(opened(), address(payee), 100);
        VM.expectRevert(ITileEscrow.NotTaken.selector);
        payee.collect(escrow, address(0), address(payee));
        payee.collect(escrow, address(0), OTHER_WORKER);
        same(OTHER_WORKER.balance, 100);
    }

    function test_collecting_is_for_who_has_something_kept() public {
        claim(opened(), address(payee), 100);
        VM.expectRevert(ITileEscrow.NothingHeld.selector);
        escrow.collect(address(0), STRANGER);
        payee.collect(escrow, address(0), STRANGER);
        VM.expectRevert(ITileEscrow.NothingHeld.selector);
        payee.collect(escrow, address(0), STRANGER);
    }

    function test_a_greedy_payee_burns_little_of_a_batch() public {
        ITileEscrow.Terms memory made = opened();
        address greedy = address(new GreedyPayee());
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](2);
        claims[0] = voucher(made, greedy, 10);
        claims[1] = voucher(made, WORKER, 20);
        escrow.claimMany{gas: 400_000}(made, claims);
        same(WORKER.balance, 20);
        same(escrow.held(address(0), greedy), 10);
    }

    function test_a_requester_that_takes_no_ether_holds_up_no_close() public {
        ITileEscrow.Terms memory made = terms();
        made.requester = address(payee);
        openWith(made, DEPOSIT);
        close(made, 300);
        same(escrow.held(address(0), address(payee)), DEPOSIT - 300);
        claim(made, WORKER, 300);
        same(WORKER.balance, 300);
    }

    function test_a_blocked_payee_holds_up_nobody() public {
        BlockingToken blocking = new BlockingToken();
        ITileEscrow.Terms memory made = terms();
        made.token = address(blocking);
        blocking.mint(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        blocking.approve(address(escrow), DEPOSIT);
        VM.prank(REQUESTER);
        escrow.open(made, DEPOSIT);
        blocking.setBlocked(WORKER, true);
        claim(made, WORKER, 10);
        claim(made, OTHER_WORKER, 20);
        same(escrow.held(address(blocking), WORKER), 10);
        same(blocking.balanceOf(OTHER_WORKER), 20);
        VM.prank(WORKER);
        VM.expectRevert(ITileEscrow.NotTaken.selector);
        escrow.collect(address(blocking), WORKER);
        blocking.setBlocked(WORKER, false);
        VM.prank(WORKER);
        escrow.collect(address(blocking), WORKER);
        same(blocking.balanceOf(WORKER), 10);
    }

    function test_a_payee_cannot_enter_again() public {
        ITileEscrow.Terms memory made = opened();
        ReenteringPayee thief = new ReenteringPayee(escrow);
        ITileEscrow.Claim memory good = voucher(made, address(thief), 100);
        bytes memory again = abi.encodeCall(
            escrow.claim,
            (made, good.worker, good.cumulative, good.signerSignature, good.coordinatorSignature)
        );
        thief.attackWith(again);
        escrow.claim(made, good.worker, good.cumulative, good.signerSignature, good.coordinatorSignature);
        require(!thief.reentered(), "the guard let a payee in");
        same(address(thief).balance + escrow.held(address(0), address(thief)), 100);
    }
}
