// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Play money for local chains and tests. Anyone mints any amount: worth nothing, anywhere.
contract DevDollar is ERC20("Tegula test dollar", "tUSD") {
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address owner, uint256 amount) external {
        _mint(owner, amount);
    }
}
