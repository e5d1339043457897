// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ITileEscrow} from "./ITileEscrow.sol";

/// @dev How money comes in and goes out.
abstract contract Purse is ITileEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant ETHER = address(0);
    /// @dev Enough for a contract wallet to take ether, too little for a payee to burn a batch's gas. A relay cannot
    /// starve a payee into `held` either: whoever leaves less than this for the call has too little to write it.
    uint256 private constant SEND_GAS = 50_000;

    mapping(address token => mapping(address payee => uint256)) public override held;

    /// @dev The token's balance grows by exactly `amount`, or nothing happens.
    modifier brings(address token, uint96 amount) {
        uint256 wanted = _balance(token) + amount;
        _;
        if (_balance(token) != wanted) revert InexactTransfer();
    }

    function collect(address token, address to) external nonReentrant returns (uint256 amount) {
        amount = held[token][msg.sender];
        if (amount == 0) revert NothingHeld();
        held[token][msg.sender] = 0;
        emit Collected(token, msg.sender, to, amount);
        // All gas is the caller's own here, so it may spend it.
        if (!_send(token, to, amount, gasleft())) revert NotTaken();
    }

    /// @dev Called last, when the ledger already counts the amount.
    function _take(address token, uint96 amount) internal {
        if (msg.value != (token == ETHER ? amount : 0)) revert WrongValue();
        if (token != ETHER) _pull(token, amount);
    }

    function _pull(address token, uint96 amount) internal brings(token, amount) {
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev A payee that cannot be paid holds up nobody: the amount is kept for it.
    function _pay(address token, address payee, uint256 amount) internal {
        if (amount == 0 || _send(token, payee, amount, SEND_GAS)) return;
        held[token][payee] += amount;
        emit Held(token, payee, amount);
    }

    function _send(address token, address to, uint256 amount, uint256 gasLimit) private returns (bool sent) {
        if (token != ETHER) return IERC20(token).trySafeTransfer(to, amount);
        // No answer is copied: a payee could make it so long that copying runs out of gas.
        assembly ("memory-safe") {
            sent := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }
}
