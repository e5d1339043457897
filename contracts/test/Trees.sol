// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @dev Merkle trees as the coordinator builds them: level by level, a node without a neighbour goes up as it is.
library Trees {
    function root(bytes32[] memory level) internal pure returns (bytes32) {
        while (level.length > 1) level = above(level);
        return level[0];
    }

    function proof(bytes32[] memory level, uint256 place) internal pure returns (bytes32[] memory path) {
        bytes32[] memory found = new bytes32[](256);
        uint256 count;
        for (; level.length > 1; level = above(level)) {
            uint256 neighbour = place ^ 1;
            if (neighbour < level.length) found[count++] = level[neighbour];
            place /= 2;
        }
        path = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            path[i] = found[i];
        }
    }

    function above(bytes32[] memory level) private pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            next[i] = 2 * i + 1 < level.length
                ? Hashes.commutativeKeccak256(level[2 * i], level[2 * i + 1])
                : level[2 * i];
        }
    }
}
