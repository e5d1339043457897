// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {TileEscrow} from "../src/TileEscrow.sol";

/// @dev The escrow's books in any state that they could have.
contract AnyEscrow is TileEscrow {
    bytes32 private constant JOB = bytes32(uint256(1));
    address private constant WORKER = address(0xB0B);

    function put(uint96 funded, uint96 paid, uint96 reserved, uint96 before) external {
        account[JOB] = Account(funded, paid, 1, Status.OPEN, true);
        roots[JOB].reserved = reserved;
        _earnings[JOB][WORKER] = Earnings(before, 0);
    }

    function book(Terms calldata terms, uint96 before, uint96 due) external returns (uint96) {
        return _book(terms, JOB, WORKER, before, due);
    }
}

/// @dev What halmos proves for all inputs, by `make halmos`. forge does not run them.
contract ProofTest {
    bytes32 private constant JOB = bytes32(uint256(1));
    address private constant WORKER = address(0xB0B);

    AnyEscrow private escrow;

    function setUp() public {
        escrow = new AnyEscrow();
    }

    /// @dev Solvency: whatever a job holds, whatever was paid, whoever is paid next, booking what is free promises no
    /// more than there is, and what left the deposit is what the worker's total rose by.
    function check_booking_what_is_free_promises_no_more_than_there_is(
        uint96 funded,
        uint96 paid,
        uint96 reserved,
        uint96 before,
        uint96 due
    ) external {
        if (uint256(paid) + reserved > funded || before > paid || due > funded - paid - reserved) return;
        escrow.put(funded, paid, reserved, before);
        ITileEscrow.Terms memory made;
        uint96 net = escrow.book(made, before, due);
        (uint96 fundedNow, uint96 paidNow,,,) = escrow.account(JOB);
        assert(fundedNow == funded);
        assert(paidNow == paid + due);
        assert(uint256(paidNow) + reserved <= fundedNow);
        assert(escrow.claimed(JOB, WORKER) == before + due);
        assert(net == due);
    }
}
