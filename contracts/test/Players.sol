// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {ITileEscrow} from "../src/ITileEscrow.sol";
import {Base} from "./Base.sol";
import {RefusingPayee} from "./mocks/Payees.sol";

/// @dev Plays all parties at random on four jobs: two in ether and two in dollars, with an author and without, one
/// without an arbiter. What the escrow would refuse is not tried, so every call must succeed and a loss of liveness
/// shows; what it has to refuse is tried by functions of its own, which fail if it does not. After each act all jobs
/// are looked at.
contract Players is Base {
    uint256 public constant JOBS = 4;
    uint256 public constant WORKERS = 3;
    uint40 private constant LAST = NOW + 2 hours; // soon enough for what comes after it

    /// @dev What is remembered of a job, for comparison with what the escrow says.
    struct Memory {
        uint96 funded;
        uint96 paid;
        uint40 deadline;
        ITileEscrow.Status status;
        uint96[2] leaves; // of the first two workers, in the root
        uint96 reserved;
        uint96 bonded; // all that came in, less what went out
        uint96 royalties; // collected
        bytes32 all; // hash of all that the escrow knows
    }

    ITileEscrow.Terms[JOBS] private deals;
    bytes32[JOBS] public ids;
    address[WORKERS] public workers;
    uint40 private clock = NOW;
    bool private mayShrink;
    mapping(uint256 which => Memory) private known;
    mapping(uint256 which => mapping(uint256 who => uint96)) public shown; // the highest total that was proved
    mapping(address token => uint256) public broughtIn;
    mapping(address token => uint256) public collected;

    constructor() {
        setUp();
        workers = [WORKER, OTHER_WORKER, address(new RefusingPayee())];
        for (uint256 i = 0; i < JOBS; ++i) {
            token = i % 2 == 0 ? address(0) : address(dollar);
            deals[i] = terms();
            deals[i].salt = bytes32(i);
            deals[i].deadline = LAST;
            if (i != 0) (deals[i].author, deals[i].authorBps) = (AUTHOR, uint16(333 * i));
            if (i == 3) deals[i].arbiter = address(0);
            ids[i] = escrow.jobId(deals[i]);
            known[i].all = everything(i);
        }
        for (uint256 i = 0; i < 3; ++i) {
            take(i);
            openWith(deals[i], DEPOSIT);
            broughtIn[token] += DEPOSIT;
            look(i);
        }
    }

    // What the parties do.

    function openOne(uint256 which, uint96 amount, bool signedFor) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (known[which].status != ITileEscrow.Status.NONE || clock >= LAST) return;
        amount = uint96(bounded(amount, 1, DEPOSIT));
        if (signedFor && token != address(0)) {
            dollar.mint(REQUESTER, amount);
            relay(made, amount, authorized(made, amount));
        } else {
            openWith(made, amount);
        }
        broughtIn[token] += amount;
        look(which);
    }

    function topUpOne(uint256 which, uint96 amount) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (known[which].status != ITileEscrow.Status.OPEN || clock >= known[which].deadline) return;
        amount = uint96(bounded(amount, 0, DEPOSIT));
        topUp(made, STRANGER, amount);
        broughtIn[token] += amount;
        look(which);
    }

    function extendOne(uint256 which, uint40 by) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (known[which].status != ITileEscrow.Status.OPEN) return;
        extend(made, known[which].deadline + uint40(bounded(by, 1, 10 minutes)));
        look(which);
    }

    function claimOne(uint256 which, uint256 who, uint96 more) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (!live(which)) return;
        who %= WORKERS;
        more = uint96(bounded(more, 0, free(which)));
        same(claim(made, workers[who], shown[which][who] + more), more);
        shown[which][who] += more;
        look(which);
    }

    function claimAll(uint256 which, uint96 more) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (!live(which)) return;
        more = uint96(bounded(more, 0, free(which) / WORKERS));
        ITileEscrow.Claim[] memory claims = new ITileEscrow.Claim[](WORKERS);
        for (uint256 i = 0; i < WORKERS; ++i) {
            claims[i] = voucher(made, workers[i], shown[which][i] += more);
        }
        same(escrow.claimMany(made, claims), more * WORKERS);
        look(which);
    }

    function claimBoth(uint256 which, uint256 who, uint96 more) external {
        which = which % 2; // the two jobs of one token
        if (!live(which) || !live(which + 2)) return;
        who %= WORKERS;
        ITileEscrow.JobClaim[] memory claims = new ITileEscrow.JobClaim[](2);
        uint96 sum;
        for (uint256 i = 0; i < 2; ++i) {
            uint256 each = which + 2 * i;
            ITileEscrow.Terms memory made = take(each);
            uint96 rise = uint96(bounded(more, 0, free(each)));
            ITileEscrow.Claim memory one = voucher(made, workers[who], shown[each][who] += rise);
            claims[i] =
                ITileEscrow.JobClaim(made, one.cumulative, one.signerSignature, one.coordinatorSignature);
            sum += rise;
        }
        same(escrow.claimJobs(workers[who], claims), sum);
        known[which + 2].all = everything(which + 2); // it was meant, too
        look(which);
        look(which + 2);
    }

    function claimAgain(uint256 which, uint256 who, uint96 less) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        who %= WORKERS;
        less = uint96(bounded(less, 0, shown[which][who]));
        same(claim(made, workers[who], shown[which][who] - less), 0);
        look(which);
    }

    function bondOne(uint256 which, uint96 amount) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (known[which].status != ITileEscrow.Status.OPEN) return;
        amount = uint96(bounded(amount, 0, DEPOSIT));
        bond(made, amount);
        known[which].bonded += amount;
        broughtIn[token] += amount;
        look(which);
    }

    function closeOne(uint256 which, uint96 owed) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        Memory storage it = known[which];
        if (it.status != ITileEscrow.Status.OPEN) return;
        mayShrink = true;
        close(made, uint96(bounded(owed, it.paid + it.reserved, it.funded)));
        look(which);
    }

    function collectRoyaltyOne(uint256 which) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (royalty(which) == 0) return;
        known[which].royalties += escrow.collectRoyalty(made, everybody());
        look(which);
    }

    function collectHeld(uint256 which) external {
        take(which %= JOBS);
        uint256 amount = escrow.held(token, workers[2]);
        if (amount == 0) return;
        RefusingPayee(payable(workers[2])).collect(escrow, token, STRANGER);
        collected[token] += amount;
        look(which);
    }

    function wait(uint40 time) external {
        clock += uint40(bounded(time, 1, 3 hours));
        VM.warp(clock);
    }

    // Acts that are seldom possible are tried on one job after the other.

    function postOne(uint256 which, uint256 dice) external {
        any(which, dice, postOn);
    }

    function claimLeaf(uint256 which, uint256 dice) external {
        any(which, dice, claimLeafOf);
    }

    function disputeOne(uint256 which, uint256 dice) external {
        any(which, dice, disputeOf);
    }

    function ruleOne(uint256 which, uint256 dice) external {
        any(which, dice, ruleOn);
    }

    function lapseOne(uint256 which, uint256 dice) external {
        any(which, dice, lapseOf);
    }

    function accuseOne(uint256 which, uint256 dice) external {
        any(which, dice, accuseOf);
    }

    function slashOne(uint256 which, uint256 dice) external {
        any(which, dice, slashOf);
    }

    function unbondOne(uint256 which, uint256 dice) external {
        any(which, dice, unbondOf);
    }

    function refundOne(uint256 which, uint256 dice) external {
        any(which, dice, refundOf);
    }

    function any(uint256 which, uint256 dice, function(uint256, uint256) internal returns (bool) act)
        private
    {
        for (uint256 i = 0; i < JOBS; ++i) {
            for (uint256 j = 0; j < WORKERS; ++j) {
                if (act((which % JOBS + i) % JOBS, dice >= type(uint256).max - WORKERS ? j : dice + j)) {
                    return;
                }
            }
        }
    }

    function postOn(uint256 which, uint256 dice) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        Memory storage it = known[which];
        (,,,, bool rooted) = escrow.account(ids[which]);
        if (it.status != ITileEscrow.Status.OPEN || rooted || made.arbiter == address(0)) return false;
        if (clock >= it.deadline + GRACE) return false;
        uint96 one = uint96(bounded(dice, 0, free(which)));
        uint96 other = uint96(bounded(dice >> 96, 0, free(which) - one));
        it.leaves = [shown[which][0] + one, shown[which][1] + other];
        it.reserved = one + other;
        postRoot(made, it.leaves[0], it.leaves[1], it.reserved);
        look(which);
        return true;
    }

    function claimLeafOf(uint256 which, uint256 who) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        Memory storage it = known[which];
        who %= 2;
        (,, uint96 stake, uint40 finalAt) = escrow.roots(ids[which]);
        if (!live(which) || finalAt == 0 || clock < finalAt || it.leaves[who] <= shown[which][who]) {
            return false;
        }
        if (it.reserved < it.leaves[who] - shown[which][who]) return false; // it has expired
        uint96 due = escrow.claimRoot(
            made, workers[who], it.leaves[who], beside(made, workers[1 - who], it.leaves[1 - who])
        );
        same(due, it.leaves[who] - shown[which][who]);
        it.reserved -= due;
        shown[which][who] = it.leaves[who];
        (,, uint96 stakeNow,) = escrow.roots(ids[which]);
        same(stakeNow, stake);
        look(which);
        return true;
    }

    function disputeOf(uint256 which, uint256) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        (,, uint96 stake, uint40 finalAt) = escrow.roots(ids[which]);
        if (stake != 0 || clock >= finalAt) return false;
        broughtIn[token] += dispute(made);
        look(which);
        return true;
    }

    function ruleOn(uint256 which, uint256 dice) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        (,, uint96 stake, uint40 finalAt) = escrow.roots(ids[which]);
        if (stake == 0 || clock >= finalAt) return false;
        rule(made, dice % 2 == 0);
        if (dice % 2 != 0) known[which].reserved = 0;
        look(which);
        return true;
    }

    function lapseOf(uint256 which, uint256) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        (,, uint96 stake, uint40 finalAt) = escrow.roots(ids[which]);
        if (stake == 0 || clock < finalAt) return false;
        escrow.lapse(made);
        look(which);
        return true;
    }

    function accuseOf(uint256 which, uint256 dice) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        uint256 who = dice % WORKERS;
        (,,,, bool rooted) = escrow.account(ids[which]);
        (,,, uint40 finalAt) = escrow.roots(ids[which]);
        if (!rooted || clock < finalAt || clock >= expiry(which)) return false;
        (uint96 before, uint40 untilBefore) = escrow.accusations(ids[which], workers[who]);
        uint96 least = before > shown[which][who] ? before : shown[which][who];
        accuse(made, workers[who], least + uint96(bounded(dice >> 8, 1, DEPOSIT)));
        (, uint40 until) = escrow.accusations(ids[which], workers[who]);
        same(until, before > shown[which][who] ? untilBefore : clock + WINDOW);
        look(which);
        return true;
    }

    function slashOf(uint256 which, uint256 who) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        who %= WORKERS;
        (uint96 cumulative, uint40 until) = escrow.accusations(ids[which], workers[who]);
        uint96 had = escrow.bonds(ids[which]);
        if (cumulative <= shown[which][who] || clock < until || had < 2) return false;
        escrow.slash(made, workers[who]);
        uint96 lost = had - escrow.bonds(ids[which]);
        require(lost <= had && lost / 2 <= cumulative - shown[which][who], "slashed too much");
        known[which].bonded -= lost;
        shown[which][who] += lost / 2;
        look(which);
        return true;
    }

    function unbondOf(uint256 which, uint256) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        if (escrow.bonds(ids[which]) == 0 || !unbondable(which)) return false;
        escrow.unbond(made);
        known[which].bonded = 0;
        look(which);
        return true;
    }

    function refundOf(uint256 which, uint256) private returns (bool) {
        ITileEscrow.Terms memory made = take(which);
        if (!refundable(which)) return false;
        mayShrink = true;
        if (clock >= expiry(which)) known[which].reserved = 0;
        escrow.refund(made);
        look(which);
        return true;
    }

    // What nobody may do.

    function reopen(uint256 which) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (known[which].status == ITileEscrow.Status.NONE) return;
        uint256 value = token == address(0) ? 1 : 0;
        VM.deal(address(this), value);
        mustFail(abi.encodeCall(escrow.open, (made, 1)), value, made.requester);
        look(which);
    }

    function claimWithOneKey(uint256 which, uint256 who, bool signers) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        who %= WORKERS;
        uint96 cumulative = shown[which][who] + 1;
        bytes32 digest = escrow.voucherDigest(ids[which], workers[who], cumulative);
        bytes memory one = signed(signers ? SIGNER_KEY : COORDINATOR_KEY, digest);
        mustFail(abi.encodeCall(escrow.claim, (made, workers[who], cumulative, one, one)), 0, STRANGER);
        look(which);
    }

    function claimUnripeLeaf(uint256 which, uint256 who) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        Memory storage it = known[which];
        who %= 2;
        (,,, uint40 finalAt) = escrow.roots(ids[which]);
        uint96 cumulative = it.leaves[who];
        if (clock >= finalAt) cumulative = shown[which][who] + 1 + it.leaves[who]; // no leaf says this
        if (cumulative <= shown[which][who]) return;
        bytes32[] memory proof = beside(made, workers[1 - who], it.leaves[1 - who]);
        mustFail(abi.encodeCall(escrow.claimRoot, (made, workers[who], cumulative, proof)), 0, STRANGER);
        look(which);
    }

    function refundEarly(uint256 which) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (!refundable(which)) mustFail(abi.encodeCall(escrow.refund, (made)), 0, REQUESTER);
        look(which);
    }

    function unbondEarly(uint256 which) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        if (!unbondable(which)) mustFail(abi.encodeCall(escrow.unbond, (made)), 0, made.coordinator);
        look(which);
    }

    function overdraw(uint256 which, uint256 who) external {
        ITileEscrow.Terms memory made = take(which %= JOBS);
        who %= WORKERS;
        ITileEscrow.Claim memory c = voucher(made, workers[who], shown[which][who] + free(which) + 1);
        bytes memory call = abi.encodeCall(
            escrow.claim, (made, c.worker, c.cumulative, c.signerSignature, c.coordinatorSignature)
        );
        mustFail(call, 0, STRANGER);
        look(which);
    }

    // What the invariants ask.

    /// @dev Everything ends: whatever happened, all money leaves when all times are over.
    function windUp() external {
        clock = type(uint40).max - uint40(JOBS);
        for (uint256 i = 0; i < JOBS; ++i) {
            ITileEscrow.Terms memory made = take(i);
            (,, uint96 stake,) = escrow.roots(ids[i]);
            if (stake != 0) escrow.lapse(made);
            if (live(i)) escrow.refund(made);
            if (escrow.bonds(ids[i]) != 0) escrow.unbond(made);
            if (royalty(i) != 0) escrow.collectRoyalty(made, everybody());
            if (escrow.held(token, workers[2]) != 0) {
                RefusingPayee(payable(workers[2])).collect(escrow, token, STRANGER);
            }
        }
        same(address(escrow).balance, 0);
        same(dollar.balanceOf(address(escrow)), 0);
    }

    function tokenOf(uint256 which) public view returns (address) {
        return deals[which].token;
    }

    function holds(address of_) external returns (uint256) {
        token = of_;
        return balance(address(escrow));
    }

    /// @dev What the escrow owes, by what it says itself.
    function owes(address of_) external view returns (uint256 sum) {
        for (uint256 i = 0; i < JOBS; ++i) {
            if (deals[i].token != of_) continue;
            (uint96 funded, uint96 paid,,,) = escrow.account(ids[i]);
            (,, uint96 stake,) = escrow.roots(ids[i]);
            sum += funded - paid + stake + escrow.bonds(ids[i]) + royalty(i);
        }
        sum += escrow.held(of_, workers[2]);
    }

    /// @dev What left the escrow. Nobody here has money of another origin.
    function left(address of_) external returns (uint256 sum) {
        token = of_;
        for (uint256 i = 0; i < WORKERS; ++i) {
            sum += balance(workers[i]);
        }
        sum += balance(REQUESTER) + balance(deals[0].coordinator) + balance(AUTHOR) + collected[of_];
    }

    /// @dev What workers should have by what they were booked, and the formula.
    function earned(address of_) external view returns (uint256 net) {
        for (uint256 i = 0; i < JOBS; ++i) {
            if (deals[i].token != of_) continue;
            for (uint256 who = 0; who < WORKERS; ++who) {
                uint256 gross = escrow.claimed(ids[i], workers[who]);
                net += gross - gross * deals[i].authorBps / 10_000;
            }
        }
    }

    function got(address of_) external returns (uint256 net) {
        token = of_;
        for (uint256 i = 0; i < WORKERS; ++i) {
            net += balance(workers[i]);
        }
        net += collected[of_] + escrow.held(of_, workers[2]);
        same(balance(AUTHOR), royaltiesPaid(of_));
    }

    /// @dev What the author of a job can collect, by the formula.
    function royalty(uint256 which) private view returns (uint256 sum) {
        for (uint256 who = 0; who < WORKERS; ++who) {
            sum += uint256(escrow.claimed(ids[which], workers[who])) * deals[which].authorBps / 10_000;
        }
        sum -= known[which].royalties;
    }

    function everybody() private view returns (address[] memory all) {
        all = new address[](WORKERS);
        for (uint256 i = 0; i < WORKERS; ++i) {
            all[i] = workers[i];
        }
    }

    function royaltiesPaid(address of_) private view returns (uint256 sum) {
        for (uint256 i = 0; i < JOBS; ++i) {
            if (deals[i].token == of_) sum += known[i].royalties;
        }
    }

    // What is looked at after each act.

    function look(uint256 which) private {
        known[which].all = everything(which);
        untouched();
        moved(which);
        promised(which);
        mayShrink = false;
    }

    function untouched() private view {
        for (uint256 i = 0; i < JOBS; ++i) {
            require(everything(i) == known[i].all, "an act on one job changed another");
        }
    }

    function moved(uint256 which) private {
        Memory storage it = known[which];
        (uint96 funded, uint96 paid, uint40 deadline, ITileEscrow.Status status,) = escrow.account(ids[which]);
        require(paid >= it.paid, "what was paid became less");
        require(mayShrink || funded >= it.funded, "a deposit became less without close or refund");
        require(deadline >= it.deadline, "a deadline came nearer");
        require(follows(it.status, status), "a status moved against the graph");
        (it.funded, it.paid, it.deadline, it.status) = (funded, paid, deadline, status);
    }

    function promised(uint256 which) private view {
        Memory storage it = known[which];
        (,,,, bool rooted) = escrow.account(ids[which]);
        (, uint96 reserved, uint96 stake, uint40 finalAt) = escrow.roots(ids[which]);
        require(it.paid + reserved <= it.funded, "more is promised than there is");
        require(rooted == (finalAt != 0) && (rooted || stake + reserved == 0), "a flag without its root");
        same(reserved, it.reserved);
        same(escrow.bonds(ids[which]), it.bonded);
        uint256 sum;
        for (uint256 i = 0; i < WORKERS; ++i) {
            uint96 total = escrow.claimed(ids[which], workers[i]);
            same(total, shown[which][i]);
            sum += total;
        }
        same(sum, it.paid);
    }

    function follows(ITileEscrow.Status before, ITileEscrow.Status now_) private pure returns (bool) {
        if (before == now_) return true;
        if (before == ITileEscrow.Status.NONE) return now_ == ITileEscrow.Status.OPEN;
        return before != ITileEscrow.Status.REFUNDED && now_ > before;
    }

    function everything(uint256 which) private view returns (bytes32) {
        bytes32 id = ids[which];
        bytes memory answers;
        bytes[3] memory questions = [
            abi.encodeCall(escrow.account, (id)),
            abi.encodeCall(escrow.roots, (id)),
            abi.encodeCall(escrow.bonds, (id))
        ];
        for (uint256 i = 0; i < questions.length; ++i) {
            (, bytes memory answer) = address(escrow).staticcall(questions[i]);
            answers = bytes.concat(answers, answer);
        }
        for (uint256 i = 0; i < WORKERS; ++i) {
            (uint96 accused, uint40 until) = escrow.accusations(id, workers[i]);
            answers = bytes.concat(answers, abi.encode(escrow.claimed(id, workers[i]), accused, until));
        }
        return keccak256(answers);
    }

    function take(uint256 which) private returns (ITileEscrow.Terms memory made) {
        VM.warp(++clock);
        made = deals[which];
        token = made.token;
    }

    function mustFail(bytes memory call, uint256 value, address from) private {
        VM.deal(from, from.balance + value);
        VM.prank(from);
        (bool done,) = address(escrow).call{value: value}(call);
        VM.deal(from, from.balance - value);
        require(!done, "the escrow did what it must refuse");
    }

    function live(uint256 which) private view returns (bool) {
        ITileEscrow.Status now_ = known[which].status;
        return now_ == ITileEscrow.Status.OPEN || now_ == ITileEscrow.Status.CLOSED;
    }

    /// @dev What vouchers can still take.
    function free(uint256 which) private view returns (uint96) {
        return known[which].funded - known[which].paid - known[which].reserved;
    }

    function expiry(uint256 which) private view returns (uint256) {
        (,,, uint40 finalAt) = escrow.roots(ids[which]);
        return (finalAt > known[which].deadline ? finalAt : known[which].deadline) + GRACE;
    }

    function refundable(uint256 which) private view returns (bool) {
        if (!live(which) || clock < known[which].deadline + GRACE) return false;
        return clock >= expiry(which) || free(which) != 0 || known[which].reserved == 0;
    }

    function unbondable(uint256 which) private view returns (bool) {
        if (escrow.bonds(ids[which]) == 0) return false;
        (,,,, bool rooted) = escrow.account(ids[which]);
        return rooted ? clock >= expiry(which) + 2 * WINDOW : known[which].status > ITileEscrow.Status.OPEN;
    }
}
