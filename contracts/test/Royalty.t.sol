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
        same(escrow.claimed(job, WORKER), 1009);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.RoyaltyPaid(job, AUTHOR, 100);
        VM.prank(STRANGER);
        same(collectRoyalty(made), 100);
        same(balance(AUTHOR), 100);
        same(escrow.claimed(job, WORKER), 1009);
        refuseRoyalty(made);
        claim(made, WORKER, 1010);
        same(balance(WORKER), 909);
        same(collectRoyalty(made), 1);
    }

    function test_a_worker_that_is_named_twice_counts_once() public {
        ITileEscrow.Terms memory made = authored(1000);
        claim(made, WORKER, 1000);
        claim(made, OTHER_WORKER, 500);
        address[] memory workers = new address[](3);
        (workers[0], workers[1], workers[2]) = (WORKER, WORKER, WORKER);
        same(escrow.collectRoyalty(made, workers), 100);
        workers[1] = OTHER_WORKER;
        same(escrow.collectRoyalty(made, workers), 50);
        same(balance(AUTHOR), 150);
    }

    function test_a_job_without_an_author_has_no_royalty() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 1000);
        same(balance(WORKER), 1000);
        refuseRoyalty(made);
    }

    function testFuzz_however_a_total_is_split_both_get_the_same(uint96[6] memory totals, uint16 bps) public {
        bps = uint16(bounded(bps, 1, 1000));
        ITileEscrow.Terms memory made = authored(bps);
        uint256 most;
        uint256 collected;
        for (uint256 i = 0; i < totals.length; ++i) {
            uint96 total = uint96(bounded(totals[i], 0, DEPOSIT));
            claim(made, WORKER, total);
            if (total > most) most = total;
            uint256 part = most * bps / 10_000;
            if (i % 2 == 1 && part > collected) collected += collectRoyalty(made);
            same(balance(WORKER), most - part);
            same(balance(address(escrow)), DEPOSIT - most + part - collected);
        }
        if (most * bps / 10_000 > collected) collectRoyalty(made);
        same(balance(AUTHOR), most * bps / 10_000);
        same(balance(address(escrow)), DEPOSIT - most);
    }

    function test_many_small_workers_overdraw_nothing() public {
        ITileEscrow.Terms memory made = authored(999);
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](9);
        address[] memory workers = new address[](9);
        uint256 parts;
        for (uint256 i = 0; i < claims.length; ++i) {
            workers[i] = address(uint160(0x1000 + i));
            claims[i] = voucher(made, workers[i], uint96(7 + 11 * i));
            parts += (7 + 11 * i) * 999 / 10_000;
        }
        uint96 paid = escrow.claimMany(made, claims);
        close(made, paid);
        same(escrow.collectRoyalty(made, workers), parts);
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
        same(collectRoyalty(made), 15);
        same(balance(address(escrow)), 0);
    }

    function test_an_authors_part_is_a_tenth_at_most_and_has_an_author() public {
        refuse(AUTHOR, 1001);
        refuse(AUTHOR, 0);
        refuse(address(0), 1);
        authored(1000);
    }

    function refuseRoyalty(ITileEscrow.Terms memory made) private {
        address[] memory workers = new address[](1);
        workers[0] = WORKER;
        VM.expectRevert(ITileEscrow.NothingHeld.selector);
        escrow.collectRoyalty(made, workers);
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
