// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {Trees} from "./Trees.sol";

/// @dev What acts cost as transactions, calldata and all. Payees hold the token already, unless the name says that
/// they do not, and so does the escrow: their first unit costs 17,100 gas more, whoever sends it. The figures are kept
/// in snapshots/ and compared; those that were promised are held here.
/// forge-config: default.isolate = true
contract GasTest is Base {
    string private constant GROUP = "TileEscrow";
    uint256 private constant TILES = 10_000;
    uint96 private constant PRICE = 1_000; // of a tile: $0.001 of a dollar with six decimals
    uint96 private constant BUDGET = 2 * PRICE * 10_000;
    uint256 private constant MANY = 20;

    ITileEscrow.Terms private made;

    function setUp() public override {
        super.setUp();
        useDollars();
        made = terms();
        (made.author, made.authorBps) = (AUTHOR, 500);
        dollar.mint(address(escrow), 1);
        dollar.mint(REQUESTER, BUDGET * 50);
        dollar.mint(AUTHOR, 1);
        VM.prank(REQUESTER);
        require(dollar.approve(address(escrow), type(uint256).max));
        for (uint256 i = 0; i < MANY; ++i) {
            dollar.mint(workerOf(i), 1);
        }
    }

    function test_open() public {
        VM.prank(REQUESTER);
        escrow.open(made, BUDGET);
        atMost("open", 80_000);
    }

    function test_open_by_authorization() public {
        Authorization memory a = authorized(made, BUDGET);
        VM.prank(STRANGER);
        escrow.openWithAuthorization(made, BUDGET, a.validAfter, a.validBefore, a.v, a.r, a.s);
        atMost("openWithAuthorization", 110_000);
    }

    function test_top_up_and_extend() public {
        begin(made);
        VM.prank(REQUESTER);
        escrow.topUp(made, BUDGET);
        atMost("topUp", 60_000);
        extend(made, DEADLINE + 1);
        atMost("extend", 60_000);
    }

    function test_claims() public {
        begin(made);
        claim(made, workerOf(0), 1_000_000);
        atMost("claim first, with an author", 90_000);
        claim(made, workerOf(0), 2_000_000);
        atMost("claim next, with an author", 90_000);
        claim(made, workerOf(1), 1_000_000);
        address[] memory workers = new address[](2);
        (workers[0], workers[1]) = (workerOf(0), workerOf(1));
        escrow.collectRoyalty(made, workers);
        atMost("collectRoyalty of 2", 60_000);
    }

    function test_claims_without_an_author() public {
        plain();
        begin(made);
        claim(made, workerOf(0), 1_000_000);
        atMost("claim first", 90_000);
        claim(made, workerOf(0), 2_000_000);
        atMost("claim next", 72_000);
        claim(made, STRANGER, 1_000_000);
        atMost("claim first, new to the token", 107_000);
    }

    function test_claim_many() public {
        plain();
        begin(made);
        escrow.claimMany(made, vouchers(1_000_000 / uint96(MANY)));
        atMost("claimMany 20 first", 1_100_000);
        escrow.claimMany(made, vouchers(2_000_000 / uint96(MANY)));
        atMost("claimMany 20 next", 700_000);
    }

    function test_claim_jobs() public {
        plain();
        ITileEscrow.JobClaim[] memory claims = new ITileEscrow.JobClaim[](MANY);
        for (uint256 round = 1; round < 3; ++round) {
            for (uint256 i = 0; i < MANY; ++i) {
                made.salt = bytes32(i);
                if (round == 1) begin(made);
                ITileEscrow.Claim memory c = voucher(made, workerOf(0), uint96(1_000 * round));
                claims[i] =
                    ITileEscrow.JobClaim(made, c.cumulative, c.signerSignature, c.coordinatorSignature);
            }
            escrow.claimJobs(workerOf(0), claims);
            atMost(round == 1 ? "claimJobs 20 first" : "claimJobs 20 next", 1_100_000);
        }
    }

    function test_roots() public {
        plain();
        begin(made);
        bytes32[] memory leaves = new bytes32[](MANY);
        for (uint256 i = 0; i < MANY; ++i) {
            leaves[i] = leaf(made, workerOf(i), 1_000);
        }
        bytes32 root = Trees.root(leaves);
        VM.prank(made.coordinator);
        escrow.postRoot(made, root, 1_000 * uint96(MANY));
        atMost("postRoot", 90_000);
        VM.warp(NOW + WINDOW);
        escrow.claimRoot(made, workerOf(3), 1_000, Trees.proof(leaves, 3));
        atMost("claimRoot of 20", 95_000);
    }

    function test_a_dispute() public {
        plain();
        begin(made);
        postRoot(made, 300, 50, 350);
        VM.prank(REQUESTER);
        escrow.dispute(made);
        atMost("dispute", 80_000);
        rule(made, false);
        atMost("rule, void", 70_000);
    }

    function test_refund() public {
        plain();
        begin(made);
        VM.warp(DEADLINE + GRACE);
        escrow.refund(made);
        atMost("refund", 60_000);
    }

    /// @dev What opens and claims is held to what was promised; with the close it is told besides.
    function test_ten_thousand_tiles_of_one_worker() public {
        plain();
        uint256 gas = begin(made);
        claim(made, workerOf(0), uint96(TILES) * PRICE);
        gas += VM.snapshotGasLastCall(GROUP, "10,000 tiles, 1 worker: claim");
        perTile("10,000 tiles, 1 worker: gas a tile", gas, 20);
        close(made, uint96(TILES) * PRICE);
        gas += VM.snapshotGasLastCall(GROUP, "10,000 tiles, 1 worker: close");
        perTile("10,000 tiles, 1 worker: gas a tile, with the close", gas, 25);
    }

    function test_ten_thousand_tiles_of_twenty_workers() public {
        plain();
        uint256 gas = begin(made);
        escrow.claimMany(made, vouchers(uint96(TILES / MANY) * PRICE));
        gas += VM.snapshotGasLastCall(GROUP, "10,000 tiles, 20 workers: claimMany");
        perTile("10,000 tiles, 20 workers: gas a tile", gas, 110);
        close(made, uint96(TILES) * PRICE);
        gas += VM.snapshotGasLastCall(GROUP, "10,000 tiles, 20 workers: close");
        perTile("10,000 tiles, 20 workers: gas a tile, with the close", gas, 120);
    }

    function begin(ITileEscrow.Terms memory deal) private returns (uint256) {
        VM.prank(REQUESTER);
        escrow.open(deal, BUDGET);
        return VM.snapshotGasLastCall(GROUP, "open, to work with");
    }

    function plain() private {
        (made.author, made.authorBps) = (address(0), 0);
    }

    function vouchers(uint96 cumulative) private view returns (ITileEscrow.Claim[] memory claims) {
        claims = new ITileEscrow.Claim[](MANY);
        for (uint256 i = 0; i < MANY; ++i) {
            claims[i] = voucher(made, workerOf(i), cumulative);
        }
    }

    function workerOf(uint256 i) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("worker", i)))));
    }

    function atMost(string memory name, uint256 most) private {
        uint256 gas = VM.snapshotGasLastCall(GROUP, name);
        require(gas <= most, string.concat(name, " costs more than it may"));
    }

    /// @dev Rounded up.
    function perTile(string memory name, uint256 gas, uint256 most) private {
        uint256 each = (gas + TILES - 1) / TILES;
        VM.snapshotValue(GROUP, name, each);
        require(each <= most, string.concat(name, " is more than it may be"));
    }
}
