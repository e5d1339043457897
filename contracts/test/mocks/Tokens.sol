// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Keeps one unit of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address owner, uint256 amount) external {
        _mint(owner, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0xFEE), 1);
    }
}

/// @dev Refuses transfers to blocked payees, as dollar tokens do.
contract BlockingToken is ERC20("Blocking", "BLK") {
    mapping(address payee => bool) public blocked;

    function mint(address owner, uint256 amount) external {
        _mint(owner, amount);
    }

    function setBlocked(address payee, bool value) external {
        blocked[payee] = value;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[to], "blocked");
        super._update(from, to, amount);
    }
}

/// @dev Returns nothing from its transfers, as old tokens do.
contract SilentToken {
    mapping(address owner => uint256) public balanceOf;

    function mint(address owner, uint256 amount) external {
        balanceOf[owner] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Keeps one unit of what an authorization moves, and looks at no signature.
contract AuthorizedFeeToken is FeeToken {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _transfer(from, to, value);
    }
}

/// @dev Takes every call that it does not know without a word, as wrapped ether does.
contract WordlessToken is ERC20("Wordless", "WRD") {
    fallback() external {}
}

/// @dev Calls the escrow again before it moves anything.
contract ReenteringToken is ERC20("Reentering", "REE") {
    address private immutable ESCROW;
    bytes private again;
    bool public called;
    bool public reentered;

    constructor(address escrow) {
        ESCROW = escrow;
    }

    function mint(address owner, uint256 amount) external {
        _mint(owner, amount);
    }

    function attackWith(bytes calldata call) external {
        again = call;
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        called = true;
        (reentered,) = ESCROW.call(again);
        _transfer(from, to, value);
    }
}

/// @dev Says that it holds for the escrow whatever would please it, and calls it again when it is told to move.
contract CunningToken {
    address private immutable ESCROW;
    uint256 private told;
    bool private failing;
    bytes private again;
    bool public called;
    bool public reentered;

    constructor(address escrow) {
        ESCROW = escrow;
    }

    function fail() external {
        failing = true;
    }

    function attackWith(bytes calldata call) external {
        again = call;
    }

    function balanceOf(address) external view returns (uint256) {
        return told;
    }

    function transferFrom(address, address, uint256 amount) external returns (bool) {
        told += amount;
        return true;
    }

    function transfer(address, uint256) external returns (bool) {
        if (again.length != 0) {
            called = true;
            (reentered,) = ESCROW.call(again);
        }
        return !failing;
    }
}
