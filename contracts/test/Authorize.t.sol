// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {AuthorizedFeeToken, BlockingToken, ReenteringToken, WordlessToken} from "./mocks/Tokens.sol";

contract AuthorizeTest is Base {
    function setUp() public override {
        super.setUp();
        useDollars();
        dollar.mint(REQUESTER, DEPOSIT);
    }

    function test_the_requesters_key_is_the_requesters() public pure {
        require(VM.addr(REQUESTER_KEY) == REQUESTER, "REQUESTER is not of REQUESTER_KEY");
    }

    function test_a_stranger_opens_with_the_requesters_signature() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        VM.expectEmit(true, true, true, true, address(escrow));
        emit ITileEscrow.Opened(keccak256(abi.encode(made)), REQUESTER, token, DEPOSIT);
        bytes32 job = relay(made, DEPOSIT, a);
        (uint96 funded, uint96 paid,, ITileEscrow.Status now_,) = escrow.account(job);
        same(uint256(job), uint256(escrow.jobId(made)));
        same(funded, DEPOSIT);
        same(paid, 0);
        same(now_, ITileEscrow.Status.OPEN);
        same(balance(address(escrow)), DEPOSIT);
        same(balance(REQUESTER), 0);
    }

    function test_what_it_opens_is_claimed_and_closed_like_any_job() public {
        ITileEscrow.Terms memory made = terms();
        relay(made, DEPOSIT, authorized(made, DEPOSIT));
        same(claim(made, WORKER, 40), 40);
        close(made, 50);
        same(balance(WORKER), 40);
        same(balance(REQUESTER), DEPOSIT - 50);
    }

    function test_an_authorization_opens_once() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        dollar.mint(REQUESTER, DEPOSIT);
        relay(made, DEPOSIT, a);
        refuse(made, DEPOSIT, a, ITileEscrow.AlreadyOpen.selector);
        close(made, 0);
        refuse(made, DEPOSIT, a, ITileEscrow.AlreadyOpen.selector);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        refuse(made, DEPOSIT, a, ITileEscrow.AlreadyOpen.selector);
        same(balance(REQUESTER), 2 * DEPOSIT);
    }

    /// @dev The attack that the nonce closes: a relay that would have both keys of the vouchers.
    function test_a_relay_cannot_open_another_job_with_the_money() public {
        Authorization memory a = authorized(terms(), DEPOSIT);
        ITileEscrow.Terms memory other = terms();
        other.signer = VM.addr(STRANGER_KEY);
        refuse(other, DEPOSIT, a, ERC3009.ERC3009InvalidSignature.selector);
        other = terms();
        other.coordinator = VM.addr(STRANGER_KEY);
        refuse(other, DEPOSIT, a, ERC3009.ERC3009InvalidSignature.selector);
    }

    function testFuzz_the_signature_is_good_for_no_other_terms(uint256 field, bytes32 noise) public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        bytes memory changed = abi.encode(made);
        uint256 place = bounded(field, 0, FIELDS - 1);
        uint256 mask = fieldMask(place);
        assembly {
            let slot := add(add(changed, 32), mul(place, 32))
            mstore(slot, xor(mload(slot), and(or(noise, 1), mask)))
        }
        VM.expectRevert();
        this.relayed(abi.decode(changed, (ITileEscrow.Terms)), a);
    }

    /// @dev A call of its own, so that whatever reverts on the way is what was expected.
    function relayed(ITileEscrow.Terms memory made, Authorization memory a) external {
        relay(made, DEPOSIT, a);
    }

    function test_the_signature_is_good_for_no_other_amount() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        dollar.mint(REQUESTER, 1);
        refuse(made, DEPOSIT - 1, a, ERC3009.ERC3009InvalidSignature.selector);
        refuse(made, DEPOSIT + 1, a, ERC3009.ERC3009InvalidSignature.selector);
    }

    function test_only_the_requesters_signature_counts() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorizedBy(STRANGER_KEY, made, DEPOSIT, 0, DEADLINE);
        refuse(made, DEPOSIT, a, ERC3009.ERC3009InvalidSignature.selector);
    }

    function test_nobody_spends_the_authorization_around_the_escrow() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        bytes32 job = escrow.jobId(made);
        VM.prank(STRANGER);
        VM.expectPartialRevert(IERC20Errors.ERC20InvalidReceiver.selector);
        dollar.receiveWithAuthorization(
            REQUESTER, address(escrow), DEPOSIT, a.validAfter, a.validBefore, job, a.v, a.r, a.s
        );
        VM.prank(STRANGER);
        VM.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.receiveWithAuthorization(
            REQUESTER, STRANGER, DEPOSIT, a.validAfter, a.validBefore, job, a.v, a.r, a.s
        );
        VM.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        dollar.transferWithAuthorization(
            REQUESTER, address(escrow), DEPOSIT, a.validAfter, a.validBefore, job, a.v, a.r, a.s
        );
    }

    function test_who_relays_it_first_opens_the_very_same_job() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        VM.prank(OTHER_WORKER);
        escrow.openWithAuthorization(made, DEPOSIT, a.validAfter, a.validBefore, a.v, a.r, a.s);
        refuse(made, DEPOSIT, a, ITileEscrow.AlreadyOpen.selector);
        close(made, 0);
        same(balance(REQUESTER), DEPOSIT);
    }

    function test_it_is_good_only_between_its_times() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorizedBy(REQUESTER_KEY, made, DEPOSIT, NOW + 10, NOW + 20);
        VM.warp(NOW + 10);
        refuse(made, DEPOSIT, a, ERC3009.ERC3009InvalidAuthorizationTime.selector);
        VM.warp(NOW + 20);
        refuse(made, DEPOSIT, a, ERC3009.ERC3009InvalidAuthorizationTime.selector);
        VM.warp(NOW + 11);
        relay(made, DEPOSIT, a);
    }

    function test_a_requester_can_take_it_back() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT);
        bytes32 message = keccak256(
            abi.encode(
                keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"),
                REQUESTER,
                escrow.jobId(made)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(REQUESTER_KEY, inDollars(message));
        dollar.cancelAuthorization(REQUESTER, escrow.jobId(made), v, r, s);
        refuse(made, DEPOSIT, a, ERC3009.ERC3009UsedAuthorization.selector);
    }

    function test_a_requester_without_the_money_opens_nothing() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorized(made, DEPOSIT + 1);
        refuse(made, DEPOSIT + 1, a, IERC20Errors.ERC20InsufficientBalance.selector);
        same(status(made), ITileEscrow.Status.NONE);
    }

    function test_nothing_opens_from_the_deadline_on() public {
        ITileEscrow.Terms memory made = terms();
        Authorization memory a = authorizedBy(REQUESTER_KEY, made, DEPOSIT, 0, DEADLINE + 10);
        VM.warp(DEADLINE);
        refuse(made, DEPOSIT, a, ITileEscrow.DeadlinePassed.selector);
    }

    function test_two_different_keys_are_wanted() public {
        ITileEscrow.Terms memory made = terms();
        made.coordinator = made.signer;
        refuse(made, DEPOSIT, authorized(made, DEPOSIT), ITileEscrow.BadTerms.selector);
    }

    function test_ether_cannot_be_authorized() public {
        ITileEscrow.Terms memory made = terms();
        made.token = address(0);
        refuse(made, DEPOSIT, authorized(made, DEPOSIT), ITileEscrow.NotAuthorizable.selector);
    }

    function test_a_token_without_authorizations_is_refused() public {
        BlockingToken plain = new BlockingToken();
        plain.mint(REQUESTER, DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(plain);
        Authorization memory a = authorized(made, DEPOSIT);
        VM.expectRevert();
        this.relayed(made, a);
        made.token = STRANGER; // an account without code
        VM.expectRevert();
        this.relayed(made, a);
    }

    function test_a_token_that_keeps_a_fee_is_refused() public {
        AuthorizedFeeToken fee = new AuthorizedFeeToken();
        fee.mint(REQUESTER, DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(fee);
        refuse(made, DEPOSIT, authorized(made, DEPOSIT), ITileEscrow.InexactTransfer.selector);
    }

    /// @dev Its silence passes for a yes. A stranger could burn the ids of others if nothing were an amount.
    function test_a_token_that_takes_any_call_opens_nothing() public {
        ITileEscrow.Terms memory made = terms();
        made.token = address(new WordlessToken());
        Authorization memory none;
        refuse(made, 0, none, ITileEscrow.NotAuthorizable.selector);
        refuse(made, DEPOSIT, none, ITileEscrow.InexactTransfer.selector);
    }

    function test_a_token_cannot_come_back_in() public {
        ReenteringToken reentering = new ReenteringToken(address(escrow));
        reentering.mint(REQUESTER, 2 * DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(reentering);
        ITileEscrow.Terms memory second = terms();
        second.token = address(reentering);
        second.salt = bytes32(uint256(2));
        reentering.attackWith(
            abi.encodeCall(
                ITileEscrow.openWithAuthorization,
                (second, DEPOSIT, 0, DEADLINE, uint8(27), bytes32(0), bytes32(0))
            )
        );
        relay(made, DEPOSIT, authorized(made, DEPOSIT));
        require(reentering.called() && !reentering.reentered(), "the token came back in");
        same(status(second), ITileEscrow.Status.NONE);
    }

    function refuse(ITileEscrow.Terms memory made, uint96 amount, Authorization memory a, bytes4 reason)
        private
    {
        VM.prank(STRANGER);
        VM.expectPartialRevert(reason);
        escrow.openWithAuthorization(made, amount, a.validAfter, a.validBefore, a.v, a.r, a.s);
    }
}
