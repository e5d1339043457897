// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {TileEscrow} from "../src/TileEscrow.sol";
import {Base} from "./Base.sol";

abstract contract ClaimTests is Base {
    function test_a_voucher_pays_its_worker_whoever_relays_it() public {
        ITileEscrow.Terms memory made = opened();
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Claimed(escrow.jobId(made), WORKER, 100, 100);
        same(claim(made, WORKER, 100), 100);
        same(balance(WORKER), 100);
    }

    function test_a_later_voucher_pays_the_difference() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 100);
        same(claim(made, WORKER, 250), 150);
        same(balance(WORKER), 250);
        same(escrow.claimed(escrow.jobId(made), WORKER), 250);
    }

    function test_a_voucher_pays_once() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 250);
        same(claim(made, WORKER, 250), 0);
        same(claim(made, WORKER, 100), 0);
        same(escrow.claim(made, WORKER, 250, "", ""), 0);
        same(balance(WORKER), 250);
    }

    function test_each_job_pays_by_itself() public {
        ITileEscrow.Terms memory made = opened();
        ITileEscrow.Terms memory other = terms();
        other.salt = bytes32(uint256(2));
        openWith(other, DEPOSIT);
        claim(made, WORKER, 100);
        same(claim(other, WORKER, 30), 30);
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), WORKER, 400);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claim(other, WORKER, 400, signer, coordinator);
    }

    function test_another_job_of_the_same_token_is_never_drawn_on() public {
        ITileEscrow.Terms memory made = opened();
        ITileEscrow.Terms memory other = terms();
        other.salt = bytes32(uint256(2));
        openWith(other, DEPOSIT);
        claim(made, WORKER, DEPOSIT);
        expectRefusedClaim(made, OTHER_WORKER, 1, ITileEscrow.Overdrawn.selector);
        same(balance(address(escrow)), DEPOSIT);
    }

    function test_all_of_a_voucher_or_nothing() public {
        ITileEscrow.Terms memory made = opened();
        expectRefusedClaim(made, WORKER, DEPOSIT + 1, ITileEscrow.Overdrawn.selector);
        same(claim(made, WORKER, DEPOSIT), DEPOSIT);
    }

    function test_a_job_that_was_never_opened_pays_nothing() public {
        expectRefusedClaim(terms(), WORKER, 1, ITileEscrow.NotOpen.selector);
    }

    function test_claims_go_on_after_the_deadline_until_the_refund() public {
        ITileEscrow.Terms memory made = opened();
        VM.warp(DEADLINE + GRACE + 1 days);
        claim(made, WORKER, 5);
        escrow.refund(made);
        expectRefusedClaim(made, WORKER, 6, ITileEscrow.NotOpen.selector);
    }

    function test_many_claims_at_once_pass_over_what_is_paid() public {
        ITileEscrow.Terms memory made = opened();
        claim(made, WORKER, 10);
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](3);
        claims[0] = voucher(made, WORKER, 10);
        claims[1] = voucher(made, OTHER_WORKER, 20);
        claims[2] = voucher(made, OTHER_WORKER, 25);
        same(escrow.claimMany(made, claims), 25);
        same(balance(WORKER), 10);
        same(balance(OTHER_WORKER), 25);
    }

    function test_one_bad_voucher_reverts_them_all() public {
        ITileEscrow.Terms memory made = opened();
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](2);
        claims[0] = voucher(made, WORKER, 10);
        claims[1] = voucher(made, OTHER_WORKER, 20);
        claims[1].cumulative = 21;
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claimMany(made, claims);
        same(balance(WORKER), 0);
    }

    function testFuzz_any_order_of_vouchers_ends_at_the_highest(uint96[8] memory totals) public {
        ITileEscrow.Terms memory made = opened();
        uint96 most;
        uint256 sum;
        for (uint256 i = 0; i < totals.length; ++i) {
            uint96 total = uint96(bounded(totals[i], 0, DEPOSIT));
            sum += claim(made, WORKER, total);
            if (total > most) most = total;
        }
        same(sum, most);
        same(balance(WORKER), most);
        same(balance(address(escrow)), DEPOSIT - most);
    }
}

contract ClaimInEtherTest is ClaimTests {}

contract ClaimInDollarsTest is ClaimTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }
}

contract SignatureTest is Base {
    ITileEscrow.Terms private made;
    bytes32 private digest;

    function setUp() public override {
        super.setUp();
        made = opened();
        digest = escrow.voucherDigest(escrow.jobId(made), WORKER, 100);
    }

    function test_neither_key_pays_alone() public {
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        refuse(signer, signer, ITileEscrow.BadCoordinatorSignature.selector);
        refuse(coordinator, coordinator, ITileEscrow.BadSignerSignature.selector);
        refuse(coordinator, signer, ITileEscrow.BadSignerSignature.selector);
    }

    function testFuzz_no_other_key_pays(uint256 key) public {
        key = bounded(key, 1, ORDER - 1);
        VM.assume(key != SIGNER_KEY && key != COORDINATOR_KEY);
        bytes memory other = signed(key, digest);
        refuse(other, signed(COORDINATOR_KEY, digest), ITileEscrow.BadSignerSignature.selector);
        refuse(signed(SIGNER_KEY, digest), other, ITileEscrow.BadCoordinatorSignature.selector);
    }

    function testFuzz_a_flipped_bit_pays_nothing(uint256 bit) public {
        bytes memory signer = signed(SIGNER_KEY, digest);
        bit = bounded(bit, 0, signer.length * 8 - 1);
        signer[bit / 8] ^= bytes1(0x01) << (bit % 8);
        refuse(signer, signed(COORDINATOR_KEY, digest), ITileEscrow.BadSignerSignature.selector);
    }

    function test_the_high_s_twin_of_a_signature_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(SIGNER_KEY, digest);
        bytes memory twin = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        refuse(twin, signed(COORDINATOR_KEY, digest), ITileEscrow.BadSignerSignature.selector);
    }

    function test_short_long_and_empty_signatures_are_refused() public {
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(SIGNER_KEY, digest);
        bytes32 compact = bytes32(uint256(s) | (uint256(v - 27) << 255)); // ERC-2098: one signature, one form
        refuse("", coordinator, ITileEscrow.BadSignerSignature.selector);
        refuse(new bytes(65), coordinator, ITileEscrow.BadSignerSignature.selector);
        refuse(abi.encodePacked(r, compact), coordinator, ITileEscrow.BadSignerSignature.selector);
        refuse(abi.encodePacked(r, s, v, v), coordinator, ITileEscrow.BadSignerSignature.selector);
    }

    function test_a_voucher_is_for_one_worker_and_one_amount() public {
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claim(made, OTHER_WORKER, 100, signer, coordinator);
        VM.expectRevert(ITileEscrow.BadSignerSignature.selector);
        escrow.claim(made, WORKER, 101, signer, coordinator);
    }

    function test_a_voucher_is_for_one_contract() public {
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        escrow = new TileEscrow();
        openWith(made, DEPOSIT);
        refuse(signer, coordinator, ITileEscrow.BadSignerSignature.selector);
    }

    function test_a_voucher_is_for_one_chain() public {
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.chainId(4242); // as after a fork of the chain
        refuse(signer, coordinator, ITileEscrow.BadSignerSignature.selector);
    }

    function test_a_close_is_no_voucher() public {
        bytes32 other = escrow.closeDigest(escrow.jobId(made), 100);
        bytes memory signer = signed(SIGNER_KEY, other);
        bytes memory coordinator = signed(COORDINATOR_KEY, other);
        refuse(signer, coordinator, ITileEscrow.BadSignerSignature.selector);
    }

    function test_a_session_key_with_code_goes_on_working() public {
        VM.etch(made.signer, hex"ef0100000000000000000000000000000000000000beef"); // EIP-7702
        same(claim(made, WORKER, 100), 100);
    }

    function test_the_digest_is_what_eip_712_says() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("TileEscrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        bytes32 kind = keccak256("Voucher(bytes32 job,address worker,uint96 cumulative)");
        bytes32 value = keccak256(abi.encode(kind, escrow.jobId(made), WORKER, 100));
        same(uint256(digest), uint256(keccak256(abi.encodePacked(hex"1901", domain, value))));
    }

    function refuse(bytes memory signer, bytes memory coordinator, bytes4 reason) private {
        VM.expectRevert(reason);
        escrow.claim(made, WORKER, 100, signer, coordinator);
    }
}
