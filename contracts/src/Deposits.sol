// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IPermit2} from "./IPermit2.sol";
import {ITileEscrow} from "./ITileEscrow.sol";
import {Ledger} from "./Ledger.sol";

/// @dev How jobs begin.
abstract contract Deposits is Ledger {
    /// @dev Uniswap's, at one address on every chain that has it.
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    string private constant WITNESS = "bytes32 job)TokenPermissions(address token,uint256 amount)";
    uint256 private constant MOST_AUTHOR_BPS = 1_000;
    uint256 internal constant ARBITER_WINDOWS = 3;

    function open(Terms calldata terms, uint96 amount) external payable nonReentrant returns (bytes32 job) {
        if (msg.sender != terms.requester) revert NotRequester();
        job = _open(terms, amount);
        _take(terms.token, amount);
    }

    function openWithPermit(
        Terms calldata terms,
        uint96 amount,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 job) {
        if (msg.sender != terms.requester) revert NotRequester();
        if (terms.token == ETHER) revert NotAuthorizable();
        job = _open(terms, amount);
        try IERC20Permit(terms.token).permit(msg.sender, address(this), amount, validBefore, v, r, s) {}
            catch {}
        _pull(terms.token, amount);
    }

    function openWithAuthorization(
        Terms calldata terms,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 job) {
        if (terms.token == ETHER || amount == 0) revert NotAuthorizable();
        job = _open(terms, amount);
        _authorized(terms, amount, validAfter, validBefore, job, v, r, s);
    }

    function openWithPermit2(
        Terms calldata terms,
        uint96 amount,
        uint256 nonce,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant returns (bytes32 job) {
        if (terms.token == ETHER) revert NotAuthorizable();
        job = _open(terms, amount);
        _permitted(terms, amount, nonce, validBefore, job, signature);
    }

    function topUp(Terms calldata terms, uint96 amount) external payable nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN) revert NotOpen();
        if (block.timestamp >= a.deadline) revert DeadlinePassed();
        a.funded += amount;
        emit ToppedUp(job, msg.sender, amount);
        _take(terms.token, amount);
    }

    /// @dev Counts the amount; the caller then brings it.
    function _open(Terms calldata terms, uint96 amount) private returns (bytes32 job) {
        job = jobId(terms);
        _checkTerms(terms);
        if (account[job].status != Status.NONE) revert AlreadyOpen();
        if (block.timestamp >= terms.deadline) revert DeadlinePassed();
        account[job] = Account(amount, 0, terms.deadline, Status.OPEN, false);
        emit Opened(job, terms.requester, terms.token, amount);
    }

    function _checkTerms(Terms calldata terms) private pure {
        if (terms.signer == terms.coordinator) revert BadTerms();
        if (terms.signer == address(0) || terms.coordinator == address(0)) revert BadTerms();
        if (terms.authorBps > MOST_AUTHOR_BPS || (terms.authorBps == 0) != (terms.author == address(0))) {
            revert BadTerms();
        }
        // A root that is disputed at the deadline is decided when the refund begins.
        if (terms.grace < (1 + ARBITER_WINDOWS) * terms.window) revert BadTerms();
        address arbiter = terms.arbiter;
        if (arbiter == address(0)) return;
        if (arbiter == terms.coordinator || arbiter == terms.requester || arbiter == terms.signer) {
            revert BadTerms();
        }
        if (terms.window == 0) revert BadTerms();
    }

    function _authorized(
        Terms calldata terms,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 job,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) private brings(terms.token, amount) {
        IERC3009(terms.token)
            .receiveWithAuthorization(
                terms.requester, address(this), amount, validAfter, validBefore, job, v, r, s
            );
    }

    function _permitted(
        Terms calldata terms,
        uint96 amount,
        uint256 nonce,
        uint256 validBefore,
        bytes32 job,
        bytes calldata signature
    ) private brings(terms.token, amount) {
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(terms.token, amount), nonce, validBefore),
            IPermit2.SignatureTransferDetails(address(this), amount),
            terms.requester,
            job,
            WITNESS,
            signature
        );
    }
}
