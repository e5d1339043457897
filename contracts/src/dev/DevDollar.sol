// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @title Play money for local chains and tests. Anyone mints any amount: worth nothing, anywhere.
/// @dev ERC3009 takes any nonce, as dollar tokens do. Its relative ERC20TransferAuthorization counts nonces up, and
/// could not be told a job's id.
contract DevDollar is ERC20("Tegula test dollar", "tUSD"), ERC20Permit("Tegula test dollar"), ERC3009 {
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address owner, uint256 amount) external {
        _mint(owner, amount);
    }
}
