// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IPermit2} from "../src/IPermit2.sol";
import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {Permit2} from "./mocks/Permit2.sol";
import {BlockingToken, FeeToken} from "./mocks/Tokens.sol";

/// @dev Deposits by an ERC-2612 permit.
contract PermitTest is Base {
    function setUp() public override {
        super.setUp();
        useDollars();
        dollar.mint(REQUESTER, DEPOSIT);
    }

    function test_a_permit_is_as_good_as_an_approval() public {
        ITileEscrow.Terms memory made = terms();
        (uint8 v, bytes32 r, bytes32 s) = permit(REQUESTER_KEY, DEPOSIT);
        VM.prank(REQUESTER);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, v, r, s);
        same(status(made), ITileEscrow.Status.OPEN);
        same(balance(address(escrow)), DEPOSIT);
    }

    /// @dev The griefing that the try is for: the permit is public, and whoever sends it first spends its nonce.
    function test_a_permit_that_somebody_sent_before_does_as_well() public {
        ITileEscrow.Terms memory made = terms();
        (uint8 v, bytes32 r, bytes32 s) = permit(REQUESTER_KEY, DEPOSIT);
        VM.prank(STRANGER);
        dollar.permit(REQUESTER, address(escrow), DEPOSIT, DEADLINE, v, r, s);
        VM.prank(REQUESTER);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, v, r, s);
        same(status(made), ITileEscrow.Status.OPEN);
    }

    function test_without_a_good_permit_or_an_allowance_nothing_opens() public {
        ITileEscrow.Terms memory made = terms();
        (uint8 v, bytes32 r, bytes32 s) = permit(STRANGER_KEY, DEPOSIT);
        VM.prank(REQUESTER);
        VM.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, v, r, s);
        (v, r, s) = permit(REQUESTER_KEY, DEPOSIT - 1);
        VM.prank(REQUESTER);
        VM.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, v, r, s);
    }

    /// @dev A permit does not say what for. A stranger could open a job that its own two keys drain.
    function test_nobody_else_uses_the_permit() public {
        ITileEscrow.Terms memory made = terms();
        (made.signer, made.coordinator) = (STRANGER, OTHER_WORKER);
        (uint8 v, bytes32 r, bytes32 s) = permit(REQUESTER_KEY, DEPOSIT);
        VM.prank(STRANGER);
        VM.expectRevert(ITileEscrow.NotRequester.selector);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, v, r, s);
    }

    function test_a_token_without_permits_goes_by_its_allowance() public {
        BlockingToken plain = new BlockingToken();
        plain.mint(REQUESTER, DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(plain);
        VM.prank(REQUESTER);
        plain.approve(address(escrow), DEPOSIT);
        VM.prank(REQUESTER);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, 27, 0, 0);
        same(plain.balanceOf(address(escrow)), DEPOSIT);
    }

    function test_ether_knows_no_permits() public {
        ITileEscrow.Terms memory made = terms();
        made.token = address(0);
        VM.prank(REQUESTER);
        VM.expectRevert(ITileEscrow.NotAuthorizable.selector);
        escrow.openWithPermit(made, DEPOSIT, DEADLINE, 27, 0, 0);
    }

    function permit(uint256 key, uint96 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 kind =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 message = keccak256(abi.encode(kind, REQUESTER, address(escrow), amount, 0, DEADLINE));
        return VM.sign(key, inDollars(message));
    }
}

/// @dev Deposits by Permit2, with the job's id as the witness.
contract Permit2Test is Base {
    Permit2 private constant PERMIT2 = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    string private constant WITNESS = "bytes32 job)TokenPermissions(address token,uint256 amount)";

    function setUp() public override {
        super.setUp();
        useDollars();
        VM.etch(address(PERMIT2), address(new Permit2()).code);
        dollar.mint(REQUESTER, 2 * DEPOSIT);
        VM.prank(REQUESTER);
        require(dollar.approve(address(PERMIT2), type(uint256).max));
    }

    function test_a_stranger_opens_with_the_requesters_signature() public {
        ITileEscrow.Terms memory made = terms();
        VM.prank(STRANGER);
        bytes32 job = escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, permitted(made, DEPOSIT, 5));
        same(uint256(job), uint256(escrow.jobId(made)));
        same(balance(address(escrow)), DEPOSIT);
        same(status(made), ITileEscrow.Status.OPEN);
    }

    function test_it_is_good_for_no_other_job_amount_or_nonce() public {
        ITileEscrow.Terms memory made = terms();
        bytes memory signature = permitted(made, DEPOSIT, 5);
        ITileEscrow.Terms memory other = terms();
        other.coordinator = VM.addr(STRANGER_KEY);
        refuse(other, DEPOSIT, 5, signature);
        refuse(made, DEPOSIT - 1, 5, signature);
        refuse(made, DEPOSIT, 6, signature);
        refuse(made, DEPOSIT, 5, permitted(other, DEPOSIT, 5));
    }

    function test_it_is_good_once() public {
        ITileEscrow.Terms memory made = terms();
        bytes memory signature = permitted(made, DEPOSIT, 5);
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
        VM.expectRevert(ITileEscrow.AlreadyOpen.selector);
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
        made.salt = bytes32(uint256(2));
        signature = permitted(made, DEPOSIT, 5);
        VM.expectRevert(Permit2.InvalidNonce.selector);
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
    }

    /// @dev The spender that was signed is the escrow.
    function test_nobody_spends_it_around_the_escrow() public {
        ITileEscrow.Terms memory made = terms();
        bytes memory signature = permitted(made, DEPOSIT, 5);
        bytes32 job = escrow.jobId(made);
        VM.prank(STRANGER);
        VM.expectRevert(Permit2.InvalidSigner.selector);
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(token, DEPOSIT), 5, DEADLINE),
            IPermit2.SignatureTransferDetails(address(escrow), DEPOSIT),
            REQUESTER,
            job,
            WITNESS,
            signature
        );
    }

    function test_a_token_that_keeps_a_fee_is_refused() public {
        FeeToken fee = new FeeToken();
        fee.mint(REQUESTER, DEPOSIT);
        VM.prank(REQUESTER);
        fee.approve(address(PERMIT2), DEPOSIT);
        ITileEscrow.Terms memory made = terms();
        made.token = address(fee);
        bytes memory signature = permitted(made, DEPOSIT, 5);
        VM.expectRevert(ITileEscrow.InexactTransfer.selector);
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
    }

    function test_ether_is_no_token_of_permit2() public {
        ITileEscrow.Terms memory made = terms();
        made.token = address(0);
        bytes memory signature = permitted(made, DEPOSIT, 5);
        VM.expectRevert(ITileEscrow.NotAuthorizable.selector);
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
    }

    function test_a_chain_without_permit2_opens_nothing() public {
        ITileEscrow.Terms memory made = terms();
        bytes memory signature = permitted(made, DEPOSIT, 5);
        VM.etch(address(PERMIT2), "");
        VM.expectRevert();
        escrow.openWithPermit2(made, DEPOSIT, 5, DEADLINE, signature);
    }

    function refuse(ITileEscrow.Terms memory made, uint96 amount, uint256 nonce, bytes memory signature)
        private
    {
        VM.expectRevert(Permit2.InvalidSigner.selector);
        escrow.openWithPermit2(made, amount, nonce, DEADLINE, signature);
    }

    function permitted(ITileEscrow.Terms memory made, uint96 amount, uint256 nonce)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = PERMIT2.digestOf(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(made.token, amount), nonce, DEADLINE),
            address(escrow),
            escrow.jobId(made),
            WITNESS
        );
        return signed(REQUESTER_KEY, digest);
    }
}
