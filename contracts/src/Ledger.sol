// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ITileEscrow} from "./ITileEscrow.sol";
import {Purse} from "./Purse.sol";

/// @dev What jobs hold and who was paid, and the one way to pay; and what both keys sign.
abstract contract Ledger is Purse, EIP712 {
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 job,address worker,uint96 cumulative)");
    bytes32 private constant CLOSE_TYPEHASH = keccak256("Close(bytes32 job,uint96 owed)");
    bytes32 private constant EXTEND_TYPEHASH = keccak256("Extend(bytes32 job,uint40 deadline)");
    uint256 private constant WHOLE = 10_000; // of which authorBps is a part

    mapping(bytes32 job => Account) public override account;
    mapping(bytes32 job => mapping(address worker => Earnings)) internal _earnings;
    mapping(bytes32 job => Root) public override roots;

    function claimed(bytes32 job, address worker) public view returns (uint96) {
        return _earnings[job][worker].claimed;
    }

    /// @dev The author's part follows from what each worker was paid, so that however a total is split into claims,
    /// both get the same to the unit; and it stands in a slot that a claim writes anyway, so it costs claims nothing.
    function collectRoyalty(Terms calldata terms, address[] calldata workers)
        external
        nonReentrant
        returns (uint96 amount)
    {
        bytes32 job = jobId(terms);
        for (uint256 i = 0; i < workers.length; ++i) {
            Earnings storage it = _earnings[job][workers[i]];
            uint96 cumulative = it.claimed;
            amount += _part(terms, cumulative) - _part(terms, it.collected);
            it.collected = cumulative;
        }
        if (amount == 0) revert NothingHeld();
        emit RoyaltyPaid(job, terms.author, amount);
        _pay(terms.token, terms.author, amount);
    }

    function jobId(Terms calldata terms) public pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    function voucherDigest(bytes32 job, address worker, uint96 cumulative) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, job, worker, cumulative)));
    }

    function closeDigest(bytes32 job, uint96 owed) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CLOSE_TYPEHASH, job, owed)));
    }

    function extendDigest(bytes32 job, uint40 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(EXTEND_TYPEHASH, job, deadline)));
    }

    /// @dev Every payment of every job is booked here, before the token moves.
    /// @return net What is the worker's of `due`.
    function _book(Terms calldata terms, bytes32 job, address worker, uint96 before, uint96 due)
        internal
        returns (uint96 net)
    {
        uint96 cumulative = before + due;
        _earnings[job][worker].claimed = cumulative;
        account[job].paid += due;
        emit Claimed(job, worker, due, cumulative);
        if (terms.authorBps == 0) return due;
        return due - (_part(terms, cumulative) - _part(terms, before));
    }

    function _part(Terms calldata terms, uint96 cumulative) private pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast) a tenth of a uint96 at most
        return uint96(uint256(cumulative) * terms.authorBps / WHOLE);
    }

    function _live(Account storage a) internal view {
        Status status = a.status;
        if (status != Status.OPEN && status != Status.CLOSED) revert NotOpen();
    }

    /// @dev The flag in the account saves claims of jobs without a root a look at another slot.
    function _reserved(bytes32 job, Account storage a) internal view returns (uint96) {
        return a.rooted ? roots[job].reserved : 0;
    }

    /// @dev When the refund of what a root reserves begins. In uint256, where nothing overflows and locks a deposit.
    function _expiry(Terms calldata terms, bytes32 job, Account storage a) internal view returns (uint256) {
        uint256 finalAt = roots[job].finalAt;
        return (finalAt > a.deadline ? finalAt : a.deadline) + terms.grace;
    }

    /// @dev Plain ECDSA, never ERC-1271: a session key whose account has code (EIP-7702) must go on working. The job
    /// id stands for the parties and the token in what was signed, the domain for chain and contract; nothing is
    /// keyed on signature bytes.
    function _checkSignatures(
        Terms calldata terms,
        bytes32 digest,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) internal pure {
        if (!_signed(terms.signer, digest, signerSignature)) {
            revert BadSignerSignature();
        }
        if (!_signed(terms.coordinator, digest, coordinatorSignature)) revert BadCoordinatorSignature();
    }

    /// @dev What is no signature recovers address(0), which is no party of any open job.
    function _signed(address by, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address found,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return found == by;
    }
}
