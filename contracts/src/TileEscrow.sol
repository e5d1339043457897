// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ITileEscrow} from "./ITileEscrow.sol";
import {Roots} from "./Roots.sol";

/// @dev What happens by the signatures of both keys, and how jobs end. Beneath it: Roots, what happens without the
/// requester; Deposits, how jobs begin; Ledger, who was paid; Purse, how money moves.
contract TileEscrow is Roots {
    constructor() EIP712("TileEscrow", "1") {}

    function claim(
        Terms calldata terms,
        address worker,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external nonReentrant returns (uint96 due) {
        uint96 net;
        (due, net) = _claim(terms, jobId(terms), worker, cumulative, signerSignature, coordinatorSignature);
        _pay(terms.token, worker, net);
    }

    function claimMany(Terms calldata terms, Claim[] calldata claims)
        external
        nonReentrant
        returns (uint96 paid)
    {
        bytes32 job = jobId(terms);
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata c = claims[i];
            (uint96 due, uint96 net) =
                _claim(terms, job, c.worker, c.cumulative, c.signerSignature, c.coordinatorSignature);
            paid += due;
            _pay(terms.token, c.worker, net);
        }
    }

    function claimJobs(address worker, JobClaim[] calldata claims)
        external
        nonReentrant
        returns (uint96 paid)
    {
        uint256 all = 0;
        for (uint256 i = 0; i < claims.length; ++i) {
            JobClaim calldata c = claims[i];
            if (c.terms.token != claims[0].terms.token) revert MixedTokens();
            (uint96 due, uint96 net) = _claim(
                c.terms, jobId(c.terms), worker, c.cumulative, c.signerSignature, c.coordinatorSignature
            );
            paid += due;
            all += net;
        }
        if (all != 0) _pay(claims[0].terms.token, worker, all);
    }

    function extend(
        Terms calldata terms,
        uint40 deadline,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN) revert NotOpen();
        if (deadline <= a.deadline) revert NotLater();
        _checkSignatures(terms, extendDigest(job, deadline), signerSignature, coordinatorSignature);
        a.deadline = deadline;
        emit Extended(job, deadline);
    }

    function close(
        Terms calldata terms,
        uint96 owed,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN) revert NotOpen();
        if (owed < a.paid + _reserved(job, a) || owed > a.funded) revert Overdrawn();
        _checkSignatures(terms, closeDigest(job, owed), signerSignature, coordinatorSignature);
        uint96 returned = a.funded - owed;
        a.funded = owed;
        a.status = Status.CLOSED;
        emit Closed(job, owed, returned);
        _pay(terms.token, terms.requester, returned);
    }

    function refund(Terms calldata terms) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        _live(a);
        if (block.timestamp < uint256(a.deadline) + terms.grace) revert TooEarly();
        uint96 reserved = _reserved(job, a);
        if (reserved != 0 && block.timestamp >= _expiry(terms, job, a)) {
            roots[job].reserved = reserved = 0;
        }
        uint96 kept = a.paid + reserved;
        uint96 returned = a.funded - kept;
        if (returned == 0 && reserved != 0) revert TooEarly();
        a.funded = kept;
        a.status = reserved == 0 ? Status.REFUNDED : Status.CLOSED;
        emit Refunded(job, returned);
        _pay(terms.token, terms.requester, returned);
    }

    /// @dev What is paid already is passed over before anything else is looked at.
    function _claim(
        Terms calldata terms,
        bytes32 job,
        address worker,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) private returns (uint96 due, uint96 net) {
        uint96 before = claimed(job, worker);
        if (cumulative <= before) return (0, 0);
        Account storage a = account[job];
        _live(a);
        due = cumulative - before;
        if (due > a.funded - a.paid - _reserved(job, a)) revert Overdrawn();
        bytes32 digest = voucherDigest(job, worker, cumulative);
        _checkSignatures(terms, digest, signerSignature, coordinatorSignature);
        net = _book(terms, job, worker, before, due);
    }
}
