// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {RefusingPayee} from "./mocks/Payees.sol";

/// @dev Plays requesters, workers and relays at random on four jobs, two in ether and two in dollars. Every call
/// must succeed: what the escrow would refuse is not tried, so a liveness fault shows as well.
contract Players is Base {
    uint256 public constant JOBS = 4;

    address[3] private workers;
    bool[JOBS] private begun;
    uint64 private clock = NOW;
    mapping(address token => uint256) public deposited;
    mapping(address token => uint256) public collected;
    mapping(bytes32 job => uint96) public depositOf;
    mapping(bytes32 job => uint96) public paidBefore;
    mapping(bytes32 job => ITileEscrow.Status) public statusBefore;

    constructor() {
        setUp();
        workers = [WORKER, OTHER_WORKER, address(new RefusingPayee())];
    }

    function openOne(uint256 which, uint96 amount) external {
        ITileEscrow.Terms memory made = job(which);
        if (begun[which % JOBS] || clock >= DEADLINE) return;
        begun[which % JOBS] = true;
        amount = uint96(bounded(amount, 0, DEPOSIT));
        openWith(made, amount);
        count(made, amount);
    }

    function authorizeOne(uint256 which, uint96 amount) external {
        ITileEscrow.Terms memory made = job(which);
        if (begun[which % JOBS] || clock >= DEADLINE || token == address(0)) return;
        begun[which % JOBS] = true;
        amount = uint96(bounded(amount, 1, DEPOSIT));
        dollar.mint(REQUESTER, amount);
        relay(made, amount, authorized(made, amount));
        count(made, amount);
    }

    function topUpOne(uint256 which, uint96 amount) external {
        ITileEscrow.Terms memory made = job(which);
        if (status(made) != ITileEscrow.Status.OPEN || clock >= DEADLINE) return;
        amount = uint96(bounded(amount, 0, DEPOSIT));
        topUp(made, STRANGER, amount);
        count(made, amount);
    }

    function claimOne(uint256 which, uint256 who, uint96 more) external {
        ITileEscrow.Terms memory made = job(which);
        if (!live(made)) return;
        bytes32 id = escrow.jobId(made);
        (uint96 funded, uint96 paid,,,) = escrow.account(id);
        address worker = workers[who % workers.length];
        more = uint96(bounded(more, 0, funded - paid));
        claim(made, worker, escrow.claimed(id, worker) + more);
    }

    function repeatClaim(uint256 which, uint256 who) external {
        ITileEscrow.Terms memory made = job(which);
        if (!live(made)) return;
        address worker = workers[who % workers.length];
        same(claim(made, worker, escrow.claimed(escrow.jobId(made), worker)), 0);
    }

    function closeOne(uint256 which, uint96 owed) external {
        ITileEscrow.Terms memory made = job(which);
        if (status(made) != ITileEscrow.Status.OPEN) return;
        (uint96 funded, uint96 paid,,,) = escrow.account(escrow.jobId(made));
        close(made, uint96(bounded(owed, paid, funded)));
    }

    function refundOne(uint256 which) external {
        ITileEscrow.Terms memory made = job(which);
        if (live(made) && clock >= DEADLINE + GRACE) escrow.refund(made);
    }

    function collectAll(uint256 which) external {
        token = tokenOf(which);
        address refusing = workers[2];
        uint256 amount = escrow.held(token, refusing);
        if (amount == 0) return;
        RefusingPayee(payable(refusing)).collect(escrow, token, STRANGER);
        collected[token] += amount;
    }

    function wait(uint64 time) external {
        clock += uint64(bounded(time, 0, 12 hours));
        VM.warp(clock);
    }

    function job(uint256 which) public returns (ITileEscrow.Terms memory made) {
        token = tokenOf(which);
        made = terms();
        made.salt = bytes32(which % JOBS);
    }

    function tokenOf(uint256 which) public view returns (address) {
        return which % 2 == 0 ? address(0) : address(dollar);
    }

    /// @dev Moves of a job since the last look: forward only.
    function look(uint256 which) external {
        bytes32 id = escrow.jobId(job(which));
        (uint96 funded, uint96 paid,, ITileEscrow.Status now_,) = escrow.account(id);
        require(paid <= funded && funded <= depositOf[id], "paid, funded and deposit are out of order");
        require(paid >= paidBefore[id], "what was paid became less");
        require(now_ >= statusBefore[id], "a job went back");
        (paidBefore[id], statusBefore[id]) = (paid, now_);
        uint256 sum;
        for (uint256 i = 0; i < workers.length; ++i) {
            sum += escrow.claimed(id, workers[i]);
        }
        same(sum, paid);
    }

    function reserved(address of_) external returns (uint256 sum) {
        for (uint256 i = 0; i < JOBS; ++i) {
            if (tokenOf(i) != of_) continue;
            (uint96 funded, uint96 paid,,,) = escrow.account(escrow.jobId(job(i)));
            sum += funded - paid;
        }
        sum += escrow.held(of_, workers[2]);
    }

    function holds(address of_) external returns (uint256) {
        token = of_;
        return balance(address(escrow));
    }

    /// @dev What left the escrow to workers, requester and the collector of kept payments.
    function left(address of_) external returns (uint256) {
        token = of_;
        return
            balance(WORKER) + balance(OTHER_WORKER) + balance(workers[2]) + balance(REQUESTER)
                + collected[of_];
    }

    function live(ITileEscrow.Terms memory made) private view returns (bool) {
        ITileEscrow.Status now_ = status(made);
        return now_ == ITileEscrow.Status.OPEN || now_ == ITileEscrow.Status.CLOSED;
    }

    function count(ITileEscrow.Terms memory made, uint96 amount) private {
        deposited[made.token] += amount;
        depositOf[escrow.jobId(made)] += amount;
    }
}

contract InvariantsTest is Base {
    struct Selectors {
        address target;
        bytes4[] selectors;
    }

    Players private players;

    function setUp() public override {
        players = new Players();
    }

    /// @dev Asked by forge for what it may call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(players);
    }

    function targetSelectors() public view returns (Selectors[] memory targets) {
        targets = new Selectors[](1);
        targets[0].target = address(players);
        targets[0].selectors = new bytes4[](9);
        targets[0].selectors[0] = players.openOne.selector;
        targets[0].selectors[1] = players.topUpOne.selector;
        targets[0].selectors[2] = players.claimOne.selector;
        targets[0].selectors[3] = players.repeatClaim.selector;
        targets[0].selectors[4] = players.closeOne.selector;
        targets[0].selectors[5] = players.refundOne.selector;
        targets[0].selectors[6] = players.collectAll.selector;
        targets[0].selectors[7] = players.wait.selector;
        targets[0].selectors[8] = players.authorizeOne.selector;
    }

    function invariant_the_escrow_holds_what_it_owes_to_the_unit() public {
        for (uint256 i = 0; i < 2; ++i) {
            address of_ = players.tokenOf(i);
            same(players.holds(of_), players.reserved(of_));
        }
    }

    function invariant_nothing_comes_from_nowhere() public {
        for (uint256 i = 0; i < 2; ++i) {
            address of_ = players.tokenOf(i);
            same(players.deposited(of_), players.left(of_) + players.holds(of_));
        }
    }

    function invariant_jobs_move_forward_only() public {
        for (uint256 i = 0; i < players.JOBS(); ++i) {
            players.look(i);
        }
    }
}
