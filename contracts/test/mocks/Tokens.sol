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
