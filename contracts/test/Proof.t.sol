// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {TileEscrow} from "../src/TileEscrow.sol";

/// @dev The escrow with any state that it could have.
contract AnyEscrow is TileEscrow {
    function put(
        Terms calldata terms,
        Account calldata a,
        uint96 reserved,
        address worker,
        uint96 cumulative
    ) external {
        bytes32 job = jobId(terms);
        account[job] = a;
        roots[job].reserved = reserved;
        if (cumulative != 0) _book(terms, job, worker, 0, cumulative);
        account[job] = a;
    }

    function book(Terms calldata terms, address worker, uint96 before, uint96 due) external returns (uint96) {
        return _book(terms, jobId(terms), worker, before, due);
    }
}

/// @dev Properties that halmos proves for all inputs, by `make halmos`. forge does not run them.
contract ProofTest {
    AnyEscrow private escrow;

    function setUp() public {
        escrow = new AnyEscrow();
    }

    /// @dev Solvency and the ledger: from any state that promises no more than there is, any voucher of anybody's,
    /// signed by whomever, leads to such a state, or to none. What was taken is what the worker's total rose by.
    function check_a_claim_promises_no_more_than_there_is(
        ITileEscrow.Terms calldata terms,
        ITileEscrow.Account calldata a,
        uint96 reserved,
        uint96 before,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external {
        uint96 kept = a.rooted ? reserved : 0;
        if (uint256(a.paid) + kept > a.funded || before > a.paid || terms.token != address(0)) return;
        if (terms.authorBps > 1_000) return;
        address worker = address(0xB0B);
        escrow.put(terms, a, reserved, worker, before);
        bytes32 job = escrow.jobId(terms);
        try escrow.claim(terms, worker, cumulative, signerSignature, coordinatorSignature) returns (uint96 due) {
            (uint96 funded, uint96 paid,,,) = escrow.account(job);
            assert(funded == a.funded);
            assert(uint256(paid) + kept <= funded);
            assert(paid == a.paid + due);
            assert(escrow.claimed(job, worker) == before + due);
            assert(due == (cumulative > before ? cumulative - before : 0));
        } catch {}
    }

    /// @dev The royalty: however a total is split in two, the worker gets as much as if it were not.
    function check_a_split_changes_no_royalty(
        ITileEscrow.Terms calldata terms,
        uint96 before,
        uint96 one,
        uint96 other
    ) external {
        uint256 total = uint256(before) + one + other;
        if (total > type(uint96).max || terms.authorBps > 1_000) return;
        address worker = address(0xB0B);
        uint256 split = uint256(escrow.book(terms, worker, before, one))
            + escrow.book(terms, worker, before + one, other);
        AnyEscrow fresh = new AnyEscrow();
        assert(split == fresh.book(terms, worker, before, one + other));
        assert(split <= uint256(one) + other);
    }
}
