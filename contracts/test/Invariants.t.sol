// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {Base} from "./Base.sol";
import {Players} from "./Players.sol";

/// @dev What must hold whatever the parties do. What concerns one job is looked at by Players after each act: a failure
/// there is a revert, and none is allowed. docs/contracts.md says where each of the sixteen is looked at.
contract InvariantsTest is Base {
    Players private players;
    address[2] private tokens;

    function setUp() public override {
        players = new Players();
        tokens = [players.tokenOf(0), players.tokenOf(1)];
    }

    /// @dev Asked by forge for what it may call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(players);
    }

    function excludeSelectors() public view returns (Selectors[] memory excluded) {
        excluded = new Selectors[](1);
        excluded[0].target = address(players);
        excluded[0].selectors = new bytes4[](5);
        excluded[0].selectors[0] = players.setUp.selector;
        excluded[0].selectors[1] = players.windUp.selector;
        excluded[0].selectors[2] = players.holds.selector;
        excluded[0].selectors[3] = players.left.selector;
        excluded[0].selectors[4] = players.got.selector;
    }

    struct Selectors {
        address target;
        bytes4[] selectors;
    }

    function invariant_the_books_agree_with_the_balances_to_the_unit() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 holds = players.holds(tokens[i]);
            same(holds, players.owes(tokens[i]));
            same(players.broughtIn(tokens[i]), players.left(tokens[i]) + holds);
            same(players.got(tokens[i]), players.earned(tokens[i]));
        }
    }

    /// @dev Nobody's silence, refusal or dust locks anything for ever.
    function afterInvariant() public {
        players.windUp();
    }
}
