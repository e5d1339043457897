// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {FeeToken, SilentToken} from "./mocks/Tokens.sol";

abstract contract OpenTests is Base {
    function test_opening_takes_the_deposit() public {
        ITileEscrow.Terms memory made = terms();
        uint256 value = prepare(REQUESTER, DEPOSIT);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Opened(keccak256(abi.encode(made)), REQUESTER, token, DEPOSIT);
        VM.prank(REQUESTER);
        bytes32 job = escrow.open{value: value}(made, DEPOSIT);
        (uint96 funded, uint96 paid,, ITileEscrow.Status now_,) = escrow.account(job);
        same(uint256(job), uint256(escrow.jobId(made)));
        same(funded, DEPOSIT);
        same(paid, 0);
        same(now_, ITileEscrow.Status.OPEN);
        same(balance(address(escrow)), DEPOSIT);
        same(balance(REQUESTER), 0);
    }

    function test_only_the_requester_opens() public {
        uint256 value = prepare(STRANGER, DEPOSIT);
        VM.prank(STRANGER);
        VM.expectRevert(ITileEscrow.NotRequester.selector);
        escrow.open{value: value}(terms(), DEPOSIT);
    }

    function test_an_id_opens_once() public {
        ITileEscrow.Terms memory made = opened();
        refuseOpen(made, ITileEscrow.AlreadyOpen.selector);
        close(made, 0);
        refuseOpen(made, ITileEscrow.AlreadyOpen.selector);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        refuseOpen(made, ITileEscrow.AlreadyOpen.selector);
    }

    function test_nothing_opens_from_the_deadline_on() public {
        VM.warp(DEADLINE);
        refuseOpen(terms(), ITileEscrow.DeadlinePassed.selector);
        VM.warp(DEADLINE - 1);
        opened();
    }

    function test_two_different_keys_are_wanted() public {
        ITileEscrow.Terms memory made = terms();
        made.coordinator = made.signer;
        refuseOpen(made, ITileEscrow.BadTerms.selector);
        made.coordinator = address(0);
        refuseOpen(made, ITileEscrow.BadTerms.selector);
        made = terms();
        made.signer = address(0);
        refuseOpen(made, ITileEscrow.BadTerms.selector);
    }

    function test_an_arbiter_is_no_party_and_has_a_window() public {
        ITileEscrow.Terms memory made = terms();
        address[3] memory parties = [made.requester, made.signer, made.coordinator];
        for (uint256 i = 0; i < parties.length; ++i) {
            made.arbiter = parties[i];
            refuseOpen(made, ITileEscrow.BadTerms.selector);
        }
        made = terms();
        made.window = 0;
        refuseOpen(made, ITileEscrow.BadTerms.selector);
        made.arbiter = address(0);
        openWith(made, DEPOSIT);
    }

    function test_the_grace_has_room_for_a_root_and_its_dispute() public {
        ITileEscrow.Terms memory made = terms();
        made.grace = 4 * WINDOW - 1;
        refuseOpen(made, ITileEscrow.BadTerms.selector);
        made.window = type(uint32).max;
        made.grace = type(uint32).max;
        refuseOpen(made, ITileEscrow.BadTerms.selector);
        made = terms();
        (made.grace, made.window) = (0, 0);
        made.arbiter = address(0);
        openWith(made, DEPOSIT);
    }

    function test_anyone_tops_up_and_the_requester_gets_it_back() public {
        ITileEscrow.Terms memory made = opened();
        topUp(made, STRANGER, 7);
        (uint96 funded,,,,) = escrow.account(escrow.jobId(made));
        same(funded, DEPOSIT + 7);
        close(made, 0);
        same(balance(REQUESTER), DEPOSIT + 7);
    }

    function test_only_an_open_job_before_its_deadline_is_topped_up() public {
        ITileEscrow.Terms memory made = terms();
        refuseTopUp(made, ITileEscrow.NotOpen.selector);
        opened();
        VM.warp(DEADLINE);
        refuseTopUp(made, ITileEscrow.DeadlinePassed.selector);
        close(made, 0);
        refuseTopUp(made, ITileEscrow.NotOpen.selector);
    }

    function test_value_and_amount_must_agree() public {
        uint256 value = prepare(REQUESTER, DEPOSIT) + 1;
        VM.deal(REQUESTER, value);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.WrongValue.selector);
        escrow.open{value: value}(terms(), DEPOSIT);
    }

    function testFuzz_each_field_makes_another_job(uint256 field, bytes32 noise) public view {
        ITileEscrow.Terms memory made = terms();
        bytes memory changed = abi.encode(made);
        uint256 place = bounded(field, 0, FIELDS - 1);
        uint256 mask = fieldMask(place);
        assembly {
            let slot := add(add(changed, 32), mul(place, 32))
            mstore(slot, xor(mload(slot), and(or(noise, 1), mask)))
        }
        require(keccak256(changed) != escrow.jobId(made), "two terms, one job");
    }

    function refuseOpen(ITileEscrow.Terms memory made, bytes4 reason) private {
        uint256 value = prepare(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert(reason);
        escrow.open{value: value}(made, DEPOSIT);
    }

    function refuseTopUp(ITileEscrow.Terms memory made, bytes4 reason) private {
        uint256 value = prepare(STRANGER, 5);
        VM.prank(STRANGER);
        VM.expectRevert(reason);
        escrow.topUp{value: value}(made, 5);
    }
}

contract OpenInEtherTest is OpenTests {
    function test_ether_needs_its_value() public {
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.WrongValue.selector);
        escrow.open(terms(), DEPOSIT);
    }
}

contract OpenInDollarsTest is OpenTests {
    function setUp() public override {
        super.setUp();
        useDollars();
    }

    function test_no_allowance_no_job() public {
        dollar.mint(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert();
        escrow.open(terms(), DEPOSIT);
    }

    function test_a_token_that_keeps_a_fee_is_refused() public {
        FeeToken fee = new FeeToken();
        fee.mint(REQUESTER, DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(fee);
        VM.prank(REQUESTER);
        fee.approve(address(escrow), DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.InexactTransfer.selector);
        escrow.open(made, DEPOSIT);
    }

    function test_an_account_without_code_is_no_token() public {
        ITileEscrow.Terms memory made = terms();
        made.token = STRANGER;
        VM.prank(REQUESTER);
        VM.expectRevert();
        escrow.open(made, DEPOSIT);
    }

    function test_a_token_that_returns_nothing_is_taken_and_paid() public {
        SilentToken silent = new SilentToken();
        silent.mint(REQUESTER, DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(silent);
        VM.prank(REQUESTER);
        escrow.open(made, DEPOSIT);
        claim(made, WORKER, 40);
        close(made, 40);
        same(silent.balanceOf(WORKER), 40);
        same(silent.balanceOf(REQUESTER), DEPOSIT - 40);
    }
}
