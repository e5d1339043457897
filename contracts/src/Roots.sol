// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Deposits} from "./Deposits.sol";
import {ITileEscrow} from "./ITileEscrow.sol";

/// @dev How workers are paid while the requester is away, and what keeps the coordinator honest meanwhile.
abstract contract Roots is Deposits {
    using SafeCast for uint256;

    uint96 private constant STAKE_PARTS = 10; // a tenth of the reserve

    mapping(bytes32 job => uint96) public override bonds;
    mapping(bytes32 job => mapping(address worker => Accusation)) public override accusations;

    function postRoot(Terms calldata terms, bytes32 root, uint96 reserve) external nonReentrant {
        if (msg.sender != terms.coordinator) revert NotCoordinator();
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN) revert NotOpen();
        if (terms.arbiter == address(0) || a.rooted) revert NoRootHere();
        // From here on the requester may have a refund, and no root that comes last may take it away.
        if (block.timestamp >= uint256(a.deadline) + terms.grace) revert TooLate();
        if (reserve > a.funded - a.paid) revert Overdrawn();
        a.rooted = true;
        uint40 finalAt = (block.timestamp + terms.window).toUint40();
        roots[job] = Root(root, reserve, 0, finalAt);
        emit RootPosted(job, root, reserve, finalAt);
    }

    function dispute(Terms calldata terms) external payable nonReentrant {
        if (msg.sender != terms.requester) revert NotRequester();
        bytes32 job = jobId(terms);
        Root storage root = roots[job];
        if (root.stake != 0) revert AlreadyDisputed();
        if (block.timestamp >= root.finalAt) revert TooLate();
        uint96 stake = root.reserved / STAKE_PARTS + 1; // never nothing: it is what tells that there is a dispute
        root.stake = stake;
        root.finalAt = (block.timestamp + ARBITER_WINDOWS * terms.window).toUint40();
        emit Disputed(job, root.hash, stake, root.finalAt);
        _take(terms.token, stake);
    }

    function rule(Terms calldata terms, bool stands) external nonReentrant {
        if (msg.sender != terms.arbiter) revert NotArbiter();
        bytes32 job = jobId(terms);
        Root storage root = roots[job];
        uint96 stake = root.stake;
        if (stake == 0 || block.timestamp >= root.finalAt) revert NotDisputed();
        emit Ruled(job, root.hash, stands);
        if (stands) {
            root.stake = 0;
            root.finalAt = block.timestamp.toUint40();
        } else {
            delete roots[job];
            account[job].rooted = false;
        }
        _pay(terms.token, stands ? terms.coordinator : terms.requester, stake);
    }

    function lapse(Terms calldata terms) external nonReentrant {
        bytes32 job = jobId(terms);
        Root storage root = roots[job];
        uint96 stake = root.stake;
        if (stake == 0) revert NotDisputed();
        if (block.timestamp < root.finalAt) revert TooEarly();
        root.stake = 0;
        emit Lapsed(job, stake);
        _pay(terms.token, terms.requester, stake);
    }

    function claimRoot(Terms calldata terms, address worker, uint96 cumulative, bytes32[] calldata proof)
        external
        nonReentrant
        returns (uint96 due)
    {
        bytes32 job = jobId(terms);
        uint96 before = claimed(job, worker);
        if (cumulative <= before) return 0;
        Account storage a = account[job];
        _live(a);
        Root storage root = roots[job];
        if (block.timestamp < root.finalAt) revert TooEarly();
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(job, worker, cumulative))));
        if (!a.rooted || !MerkleProof.verifyCalldata(proof, root.hash, leaf)) revert BadProof();
        due = cumulative - before;
        if (due > root.reserved) revert Overdrawn();
        root.reserved -= due;
        _pay(terms.token, worker, _book(terms, job, worker, before, due));
    }

    function bond(Terms calldata terms, uint96 amount) external payable nonReentrant {
        bytes32 job = jobId(terms);
        if (account[job].status != Status.OPEN) revert NotOpen();
        bonds[job] += amount;
        emit Bonded(job, msg.sender, amount);
        _take(terms.token, amount);
    }

    function accuse(
        Terms calldata terms,
        address worker,
        uint96 cumulative,
        bytes calldata coordinatorSignature
    ) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (!a.rooted) revert NoRootHere();
        if (block.timestamp < roots[job].finalAt) revert TooEarly();
        if (block.timestamp >= _expiry(terms, job, a)) revert TooLate();
        bytes32 digest = voucherDigest(job, worker, cumulative);
        if (!_signed(terms.coordinator, digest, coordinatorSignature)) revert BadCoordinatorSignature();
        uint96 paid = claimed(job, worker);
        Accusation storage it = accusations[job][worker];
        // The coordinator can sign itself a small accusation to be before a great one; hence the second condition.
        if (cumulative <= paid || cumulative <= it.cumulative) revert NotAccused();
        if (it.cumulative <= paid) it.until = (block.timestamp + terms.window).toUint40();
        it.cumulative = cumulative;
        emit Accused(job, worker, cumulative, it.until);
    }

    function slash(Terms calldata terms, address worker) external nonReentrant {
        bytes32 job = jobId(terms);
        Accusation memory it = accusations[job][worker];
        uint96 paid = claimed(job, worker);
        if (it.cumulative <= paid) revert NotAccused();
        if (block.timestamp < it.until) revert TooEarly();
        // As much for the requester as for the worker: a coordinator that accuses itself for a worker of its own, to
        // be before an honest one, loses half.
        uint96 amount = Math.min(it.cumulative - paid, bonds[job] / 2).toUint96();
        if (amount == 0) revert NothingHeld();
        delete accusations[job][worker];
        bonds[job] -= 2 * amount;
        account[job].funded += amount;
        emit Slashed(job, worker, amount);
        uint96 net = _book(terms, job, worker, paid, amount);
        _pay(terms.token, terms.requester, amount);
        _pay(terms.token, worker, net);
    }

    function unbond(Terms calldata terms) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        uint96 amount = bonds[job];
        if (amount == 0) revert NothingHeld();
        // Who is accused at the last moment has a window to answer, and then there is one to slash.
        bool over = a.rooted
            ? block.timestamp >= _expiry(terms, job, a) + 2 * uint256(terms.window)
            : a.status != Status.OPEN;
        if (!over) revert TooEarly();
        bonds[job] = 0;
        emit Unbonded(job, amount);
        _pay(terms.token, terms.coordinator, amount);
    }
}
