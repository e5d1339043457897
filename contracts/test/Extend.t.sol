// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";

contract ExtendTest is Base {
    function test_a_job_is_extended_with_both_signatures() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 job = escrow.jobId(made);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Extended(job, DEADLINE + 100);
        extend(made, DEADLINE + 100);
        (,, uint40 deadline,,) = escrow.account(job);
        same(deadline, DEADLINE + 100);
        VM.warp(DEADLINE + 99);
        topUp(made, STRANGER, 7);
        VM.warp(DEADLINE + GRACE + 99);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.refund(made);
        VM.warp(DEADLINE + GRACE + 100);
        escrow.refund(made);
        same(balance(REQUESTER), DEPOSIT + 7);
    }

    function test_never_to_an_earlier_time_nor_twice() public {
        ITileEscrow.Terms memory made = opened();
        refuse(made, DEADLINE, ITileEscrow.NotLater.selector);
        extend(made, DEADLINE + 100);
        extend(made, DEADLINE + 200);
        refuse(made, DEADLINE + 200, ITileEscrow.NotLater.selector);
        refuse(made, DEADLINE + 100, ITileEscrow.NotLater.selector);
    }

    function test_neither_key_extends_alone() public {
        ITileEscrow.Terms memory made = opened();
        bytes32 digest = escrow.extendDigest(escrow.jobId(made), DEADLINE + 1);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(ITileEscrow.BadCoordinatorSignature.selector);
        escrow.extend(made, DEADLINE + 1, signer, signer);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.extend(made, DEADLINE + 1, coordinator, coordinator);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.extend(made, DEADLINE + 2, signer, coordinator);
        escrow.extend(made, DEADLINE + 1, signer, coordinator);
    }

    function test_only_an_open_job() public {
        ITileEscrow.Terms memory made = terms();
        refuse(made, DEADLINE + 1, ITileEscrow.NotOpen.selector);
        opened();
        close(made, 5);
        refuse(made, DEADLINE + 1, ITileEscrow.NotOpen.selector);
    }

    function test_a_longer_job_keeps_reserve_and_bond_for_longer() public {
        ITileEscrow.Terms memory made = opened();
        bond(made, 1000);
        postRoot(made, 300, 50, 350);
        extend(made, DEADLINE + 100);
        VM.warp(DEADLINE + GRACE + 99);
        accuse(made, STRANGER, 60);
        VM.warp(DEADLINE + GRACE + 100);
        escrow.refund(made);
        same(status(made), ITileEscrow.Status.REFUNDED);
        VM.warp(DEADLINE + GRACE + 99 + 2 * WINDOW);
        VM.expectRevert(ITileEscrow.TooEarly.selector);
        escrow.unbond(made);
        escrow.slash(made, STRANGER);
        VM.warp(DEADLINE + GRACE + 100 + 2 * WINDOW);
        escrow.unbond(made);
        same(balance(address(escrow)), 0);
    }

    function test_a_root_that_is_final_late_goes_by_its_own_time() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE - 1);
        postRoot(made, 300, 50, 350);
        extend(made, DEADLINE + 100);
        VM.warp(DEADLINE + GRACE + 100);
        escrow.refund(made);
        same(status(made), ITileEscrow.Status.CLOSED);
    }

    function test_the_digest_is_what_eip_712_says() public {
        bytes32 job = escrow.jobId(opened());
        bytes32 value =
            keccak256(abi.encode(keccak256("Extend(bytes32 job,uint40 deadline)"), job, DEADLINE + 1));
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", domainOf(block.chainid), value));
        same(uint256(escrow.extendDigest(job, DEADLINE + 1)), uint256(expected));
    }

    function refuse(ITileEscrow.Terms memory made, uint40 deadline, bytes4 reason) private {
        bytes32 digest = escrow.extendDigest(escrow.jobId(made), deadline);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(reason);
        escrow.extend(made, deadline, signer, coordinator);
    }
}
