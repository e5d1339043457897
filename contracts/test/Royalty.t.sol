// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

abstract contract RoyaltyTests is Base {
    function test_the_author_gets_its_part_and_the_worker_the_rest() public {
        ITileEscrow.Terms memory made = authored(1000);
        bytes32 job = escrow.jobId(made);
        same(claim(made, WORKER, 1009), 1009);
        same(balance(WORKER), 909);
        same(escrow.royalty(job), 100);
        same(escrow.claimed(job, WORKER), 1009);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.RoyaltyPaid(job, AUTHOR, 100);
        VM.prank(STRANGER);
        same(escrow.collectRoyalty(made), 100);
        same(balance(AUTHOR), 100);
        same(escrow.royalty(job), 0);
        VM.expectRevert(ITileEscrow.NothingHeld.selector);
        escrow.collectRoyalty(made);
    }

    function testFuzz_however_a_total_is_split_both_get_the_same(uint96[6] memory totals, uint16 bps) public {
        bps = uint16(bounded(bps, 1, 1000));
        ITileEscrow.Terms memory made = authored(bps);
        uint256 most;
        for (uint256 i = 0; i < totals.length; ++i) {
            uint96 total = uint96(bounded(totals[i], 0, DEPOSIT));
            claim(made, WORKER, total);
            if (total > most) most = total;
            if (i == 3 && escrow.royalty(escrow.jobId(made)) != 0) escrow.collectRoyalty(made);
        }
        uint256 part = most * bps / 10_000;
        same(balance(WORKER), most - part);
        same(balance(AUTHOR) + escrow.royalty(escrow.jobId(made)), part);
        same(balance(address(escrow)), DEPOSIT - most + escrow.royalty(escrow.jobId(made)));
    }

    function test_many_small_workers_overdraw_nothing() public {
        ITileEscrow.Terms memory made = authored(999);
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](9);
        uint256 net;
        for (uint256 i = 0; i < claims.length; ++i) {
            claims[i] = voucher(made, address(uint160(0x1000 + i)), uint96(7 + 11 * i));
            net += 7 + 11 * i - (7 + 11 * i) * 999 / 10_000;
        }
        uint96 paid = escrow.claimMany(made, claims);
        same(paid - escrow.royalty(escrow.jobId(made)), net);
        close(made, paid);
        escrow.collectRoyalty(made);
        same(balance(address(escrow)), 0);
    }

    function test_leaves_pay_it_as_vouchers_do_and_it_outlives_the_refund() public {
        ITileEscrow.Terms memory made = authored(500);
        claim(made, WORKER, 110);
        postRoot(made, 310, 50, 250);
        VM.warp(NOW + WINDOW);
        escrow.claimRoot(made, WORKER, 310, beside(made, OTHER_WORKER, 50));
        same(balance(WORKER), 310 - 15);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT - 310);
        same(escrow.collectRoyalty(made), 15);
        same(balance(address(escrow)), 0);
    }

    function test_an_authors_part_is_a_tenth_at_most_and_has_an_author() public {
        refuse(AUTHOR, 1001);
        refuse(AUTHOR, 0);
        refuse(address(0), 1);
        authored(1000);
    }

    function refuse(address author, uint16 bps) private {
        ITileEscrow.Terms memory made = terms();
        (made.author, made.authorBps) = (author, bps);
        uint256 value = prepare(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.BadTerms.selector);
        escrow.open{value: value}(made, DEPOSIT);
    }

    function authored(uint16 bps) private returns (ITileEscrow.Terms memory made) {
        made = terms();
        (made.author, made.authorBps) = (AUTHOR, bps);
        openWith(made, DEPOSIT);
    }
}

contract RoyaltyInEtherTest is RoyaltyTests {}

contract RoyaltyInDollarsTest is RoyaltyTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
