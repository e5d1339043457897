// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {CountingPayee} from "./mocks/Payees.sol";

/// @dev One worker, many jobs, one transfer.
abstract contract JobTests is Base {
    function test_one_transfer_pays_many_jobs() public {
        ITileEscrow.JobClaim[] memory claims = opened(3, WORKER);
        VM.prank(STRANGER);
        same(escrow.claimJobs(WORKER, claims), 60);
        same(balance(WORKER), 60);
        for (uint256 i = 0; i < claims.length; ++i) {
            same(escrow.claimed(escrow.jobId(claims[i].terms), WORKER), 10 * (i + 1));
        }
        same(escrow.claimJobs(WORKER, claims), 0);
    }

    function test_what_is_paid_is_passed_over() public {
        ITileEscrow.JobClaim[] memory claims = opened(3, WORKER);
        claim(claims[1].terms, WORKER, 15);
        same(escrow.claimJobs(WORKER, claims), 45);
        same(balance(WORKER), 60);
    }

    function test_a_job_that_has_ended_is_passed_over_if_it_was_paid() public {
        ITileEscrow.JobClaim[] memory claims = opened(3, WORKER);
        claim(claims[1].terms, WORKER, 20);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(claims[1].terms);
        same(escrow.claimJobs(WORKER, claims), 40);
    }

    function test_one_bad_voucher_reverts_them_all() public {
        ITileEscrow.JobClaim[] memory claims = opened(3, WORKER);
        claims[2].cumulative += 1;
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claimJobs(WORKER, claims);
        claims[2].cumulative -= 1;
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claimJobs(OTHER_WORKER, claims);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(claims[0].terms);
        VM.expectRevert(ITileEscrow.NotOpen.selector);
        escrow.claimJobs(WORKER, claims);
    }

    function test_authors_of_each_job_get_their_part() public {
        ITileEscrow.JobClaim[] memory claims = opened(2, WORKER);
        ITileEscrow.Terms memory made = claims[1].terms;
        (made.author, made.authorBps) = (AUTHOR, 1000);
        openWith(made, DEPOSIT);
        claims[1] = jobClaim(made, WORKER, 39);
        same(escrow.claimJobs(WORKER, claims), 49);
        same(balance(WORKER), 46);
        same(collectRoyalty(made), 3);
    }

    function test_an_empty_list_pays_nothing() public {
        same(escrow.claimJobs(WORKER, new ITileEscrow.JobClaim[](0)), 0);
        same(escrow.claimMany(opened(), new ITileEscrow.Claim[](0)), 0);
    }

    function test_jobs_in_two_tokens_do_not_mix() public {
        ITileEscrow.JobClaim[] memory claims = opened(2, WORKER);
        ITileEscrow.JobClaim memory first = claims[0];
        token = token == address(0) ? address(dollar) : address(0);
        ITileEscrow.JobClaim[] memory others = opened(2, WORKER);
        claims[1] = others[1];
        VM.expectRevert(ITileEscrow.MixedTokens.selector);
        escrow.claimJobs(WORKER, claims);
        others[1] = first;
        VM.expectRevert(ITileEscrow.MixedTokens.selector);
        escrow.claimJobs(WORKER, others);
    }

    function opened(uint256 count, address worker) internal returns (ITileEscrow.JobClaim[] memory claims) {
        claims = new ITileEscrow.JobClaim[](count);
        for (uint256 i = 0; i < count; ++i) {
            ITileEscrow.Terms memory made = terms();
            made.salt = bytes32(i);
            openWith(made, DEPOSIT);
            claims[i] = jobClaim(made, worker, uint96(10 * (i + 1)));
        }
    }

    function jobClaim(ITileEscrow.Terms memory made, address worker, uint96 cumulative)
        internal
        view
        returns (ITileEscrow.JobClaim memory)
    {
        ITileEscrow.Claim memory one = voucher(made, worker, cumulative);
        return ITileEscrow.JobClaim(made, cumulative, one.signerSignature, one.coordinatorSignature);
    }
}

contract JobsInEtherTest is JobTests {
    function test_it_is_really_one_transfer() public {
        CountingPayee payee = new CountingPayee();
        escrow.claimJobs(address(payee), opened(3, address(payee)));
        same(payee.times(), 1);
        same(address(payee).balance, 60);
        escrow.claimJobs(address(payee), new ITileEscrow.JobClaim[](0));
        same(payee.times(), 1);
    }
}

contract JobsInDollarsTest is JobTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}
