// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../../src/ITileEscrow.sol";

/// @dev Takes no ether, until told otherwise.
contract RefusingPayee {
    bool public willing;

    receive() external payable {
        require(willing, "not now");
    }

    function beWilling() external {
        willing = true;
    }

    function collect(ITileEscrow escrow, address token, address to) external {
        escrow.collect(token, to);
    }
}

/// @dev Burns all gas that it is given.
contract GreedyPayee {
    receive() external payable {
        while (true) {}
    }
}

/// @dev Calls the escrow again from within its payment.
contract ReenteringPayee {
    ITileEscrow private immutable ESCROW;
    bytes private again;
    bool public reentered;

    constructor(ITileEscrow escrow) {
        ESCROW = escrow;
    }

    function attackWith(bytes calldata call) external {
        again = call;
    }

    receive() external payable {
        (reentered,) = address(ESCROW).call(again);
    }
}

/// @dev Counts how often it is paid.
contract CountingPayee {
    uint256 public times;

    receive() external payable {
        ++times;
    }
}
