// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

/// @title Deposits of render jobs, paid out to workers by what two keys signed or nobody disputed.
/// @notice Ownerless and not upgradeable. A job is known by the hash of its terms. What a worker has earned is one
/// cumulative number; whatever proves a higher one pays the difference, so one claim pays any number of tiles and
/// nothing pays twice. Proofs are a voucher, signed by the requester's session key and the coordinator, or a leaf of
/// a root that the coordinator posted and that stood its window. The rest of a deposit returns by a co-signed close
/// at once, or alone after deadline and grace.
/// @dev Amounts are in the token's smallest unit and fit uint96. Tokens that keep a fee are refused when they are
/// deposited; tokens whose balances change by themselves (rebasing) must not be used. Anyone may relay what does not
/// name its caller: whom it pays is fixed.
interface ITileEscrow {
    /// @notice What a deposit stands on. The job id is keccak256(abi.encode(terms)).
    struct Terms {
        address requester; // who deposits, and to whom the rest returns
        address signer; // the requester's session key: half of every voucher
        address coordinator; // the other half: neither can pay anybody alone
        address arbiter; // decides disputes about roots; address(0): none, and so no roots
        address token; // ERC-20, or address(0) for the chain's own currency
        address author; // of the application or scene asset that the job uses; address(0): none
        uint16 authorBps; // the author's part of each payment in 1/10,000, at most 1,000
        uint40 deadline; // Unix seconds, as it was first; the job is not opened or topped up from then on
        uint32 window; // seconds in which a root can be disputed; the arbiter then has three times as long
        uint32 grace; // seconds after the deadline, and after a root is final, before a refund; 4 windows at least
        bytes32 salt;
    }

    /// @notice NONE → OPEN → CLOSED → REFUNDED, or OPEN → REFUNDED. Never back: a drained id could otherwise be
    /// opened again and its old vouchers paid twice.
    enum Status {
        NONE,
        OPEN,
        CLOSED,
        REFUNDED
    }

    /// @notice One storage slot a job.
    struct Account {
        uint96 funded;
        uint96 paid; // to workers and the author, of `funded`
        uint40 deadline; // as extended
        Status status;
        bool rooted; // there is a root, and it reserves a part
    }

    /// @notice One storage slot a worker of a job.
    struct Earnings {
        uint96 claimed; // what was taken of the deposit for the worker so far, the author's part included
        uint96 collected; // of `claimed`, what the author has had its part of
    }

    /// @notice The coordinator's last word on what the workers of a job have earned.
    struct Root {
        bytes32 hash;
        uint96 reserved; // what leaves can still be paid; kept from vouchers, close and refund
        uint96 stake; // the requester's, while it is not settled; there is a dispute if there is one
        uint40 finalAt; // from then on it pays; until then it can be disputed, or ruled on if it is
    }

    /// @notice That the coordinator signed more for a worker than the worker was paid.
    struct Accusation {
        uint96 cumulative;
        uint40 until; // then the coordinator is slashed, unless the worker has been paid
    }

    /// @notice One worker's voucher, as `claimMany` takes it.
    struct Claim {
        address worker;
        uint96 cumulative;
        bytes signerSignature;
        bytes coordinatorSignature;
    }

    /// @notice One job's voucher, as `claimJobs` takes it.
    struct JobClaim {
        Terms terms;
        uint96 cumulative;
        bytes signerSignature;
        bytes coordinatorSignature;
    }

    event Opened(bytes32 indexed job, address indexed requester, address token, uint96 amount);
    event ToppedUp(bytes32 indexed job, address indexed from, uint96 amount);
    event Extended(bytes32 indexed job, uint40 deadline);
    /// @param amount What this claim took of the deposit. The author's part of it is
    /// floor(cumulative * authorBps / 10,000) - floor((cumulative - amount) * authorBps / 10,000).
    /// @param cumulative What was taken for the worker so far.
    event Claimed(bytes32 indexed job, address indexed worker, uint96 amount, uint96 cumulative);
    event RoyaltyPaid(bytes32 indexed job, address indexed author, uint96 amount);
    /// @param owed What workers get of the job, all in all.
    /// @param returned What went back to the requester.
    event Closed(bytes32 indexed job, uint96 owed, uint96 returned);
    event Refunded(bytes32 indexed job, uint96 returned);
    event RootPosted(bytes32 indexed job, bytes32 root, uint96 reserved, uint40 finalAt);
    event Disputed(bytes32 indexed job, bytes32 root, uint96 stake, uint40 finalAt);
    event Ruled(bytes32 indexed job, bytes32 root, bool stands);
    /// @notice The arbiter was silent: the root stands, and the requester has its stake back.
    event Lapsed(bytes32 indexed job, uint96 stake);
    event Bonded(bytes32 indexed job, address indexed from, uint96 amount);
    event Accused(bytes32 indexed job, address indexed worker, uint96 cumulative, uint40 until);
    /// @param amount What the worker got of the bond, and the requester the same again.
    event Slashed(bytes32 indexed job, address indexed worker, uint96 amount);
    event Unbonded(bytes32 indexed job, uint96 amount);
    /// @notice The payee did not take a payment; it is kept until the payee collects it.
    event Held(address indexed token, address indexed payee, uint256 amount);
    event Collected(address indexed token, address indexed payee, address to, uint256 amount);

    /// @notice The terms could cheat somebody: no signer or coordinator, or one key for both; an arbiter that is a
    /// party, or has no window; a grace below four windows; an author without a part, a part without an author, or
    /// above a tenth.
    error BadTerms();
    /// @notice The id was opened before; choose another salt.
    error AlreadyOpen();
    /// @notice The job was never opened, or has been closed or refunded.
    error NotOpen();
    /// @notice Only the requester of the terms does this, by a call of its own.
    error NotRequester();
    error NotCoordinator();
    error NotArbiter();
    error DeadlinePassed();
    /// @notice An extension can only lengthen.
    error NotLater();
    /// @notice Not yet: the deadline, the grace or a window has to pass first.
    error TooEarly();
    /// @notice The window has passed.
    error TooLate();
    /// @notice The value sent is not the amount deposited, or came with an ERC-20 deposit.
    error WrongValue();
    /// @notice The token moved another amount than it was asked to.
    error InexactTransfer();
    /// @notice More than the deposit still has beside what a root reserves, or a close below what is paid and
    /// reserved already.
    error Overdrawn();
    error BadSignerSignature();
    error BadCoordinatorSignature();
    /// @notice Ether knows no authorizations; and if one over nothing would do, a stranger could open any job whose
    /// token takes calls that it does not know without a word, as wrapped ether does.
    error NotAuthorizable();
    /// @notice The jobs of one `claimJobs` are paid in one token by one transfer.
    error MixedTokens();
    /// @notice The job has no arbiter, so a root could not be disputed; or it has a root already.
    error NoRootHere();
    /// @notice No leaf of the job's root says this.
    error BadProof();
    /// @notice One dispute a root.
    error AlreadyDisputed();
    /// @notice There is no dispute, or it is past its time.
    error NotDisputed();
    /// @notice The worker has been paid what it was promised, or nobody said otherwise.
    error NotAccused();
    /// @notice Nothing is kept for the caller, the author or the coordinator.
    error NothingHeld();
    /// @notice The payee refuses the payment still.
    error NotTaken();

    /// @notice Opens the job of these terms and deposits `amount`. Called by the requester, once per id.
    function open(Terms calldata terms, uint96 amount) external payable returns (bytes32 job);

    /// @notice As `open`, with an ERC-2612 permit instead of an approval.
    /// @dev A permit that fails is passed over: whoever saw it may have sent it before, and then the allowance is
    /// there. A permit does not say what for, so only the requester itself can use it here.
    function openWithPermit(
        Terms calldata terms,
        uint96 amount,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 job);

    /// @notice As `open`, for a requester that sends no transaction: `amount` is pulled by the ERC-3009
    /// authorization that it signed. Anyone may relay it.
    /// @dev What is signed is ReceiveWithAuthorization(from: the requester, to: this contract, value: the amount,
    /// nonce: the job's id) in the token's own EIP-712 domain. Were the nonce any number, whoever relays could open
    /// another job with the money: one that names a session key and a coordinator of its own, which drain it at once.
    /// With the id as nonce the authorization opens this job or none, so to relay it ahead of others gains nothing.
    /// Only the payee can spend a ReceiveWithAuthorization, so nobody takes the money here around this call either.
    function openWithAuthorization(
        Terms calldata terms,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 job);

    /// @notice As `openWithAuthorization`, for any ERC-20 that the requester once approved for Permit2.
    /// @dev What is signed is Permit2's PermitWitnessTransferFrom with the member `bytes32 job`: the witness is the
    /// job's id, and only this contract can spend it.
    function openWithPermit2(
        Terms calldata terms,
        uint96 amount,
        uint256 nonce,
        uint256 validBefore,
        bytes calldata signature
    ) external returns (bytes32 job);

    /// @notice Adds to the deposit of an open job. Anyone may; what is left returns to the requester.
    function topUp(Terms calldata terms, uint96 amount) external payable;

    /// @notice Moves the deadline of an open job, later only, with the consent of both keys.
    /// @dev A later deadline keeps the requester's deposit and the coordinator's bond for longer, so both agree. It
    /// takes nothing from workers: their claims and reserves last as long as before or longer.
    function extend(
        Terms calldata terms,
        uint40 deadline,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external;

    /// @notice Pays the worker `cumulative` less what it has claimed of the job before. Anyone may relay it.
    /// @dev All or nothing: reverts with Overdrawn rather than pay a part. A voucher that is paid already pays
    /// nothing and does not revert, so that a relay can repeat it; its signatures are not looked at.
    /// @return paid What was taken of the deposit by this call; the worker gets it less the author's part.
    function claim(
        Terms calldata terms,
        address worker,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external returns (uint96 paid);

    /// @notice Claims several vouchers of one job. Those already paid are passed over; one that is not good
    /// reverts them all.
    function claimMany(Terms calldata terms, Claim[] calldata claims) external returns (uint96 paid);

    /// @notice Claims one worker's vouchers of several jobs in one token, by one transfer; otherwise as `claimMany`.
    function claimJobs(address worker, JobClaim[] calldata claims) external returns (uint96 paid);

    /// @notice As `claim`, by a leaf of the job's root, once that is final.
    function claimRoot(Terms calldata terms, address worker, uint96 cumulative, bytes32[] calldata proof)
        external
        returns (uint96 paid);

    /// @notice Ends the job with the consent of both keys: workers can claim `owed` in all, the rest returns at
    /// once. What is owed and not claimed yet can be claimed until a refund.
    function close(
        Terms calldata terms,
        uint96 owed,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external;

    /// @notice Returns what nobody claimed, from deadline + grace on. What a root reserves returns by another call
    /// once the root has been final for the grace, too. Anyone may relay it; the payee is fixed.
    function refund(Terms calldata terms) external;

    /// @notice Sends the author its part of what these workers were paid. Anyone may relay it; workers whose part was
    /// sent already add nothing.
    function collectRoyalty(Terms calldata terms, address[] calldata workers) external returns (uint96 amount);

    /// @notice Sends what was kept for the caller, because an earlier payment failed, to `to`.
    function collect(address token, address to) external returns (uint256 amount);

    /// @notice The coordinator's last word on what workers have earned, for when the requester is away. It reserves
    /// `reserve` of the deposit: what the leaves say less what those workers were paid.
    /// @dev A leaf is keccak256(bytes.concat(keccak256(abi.encode(job, worker, cumulative)))); pairs are hashed in
    /// sorted order. Sums of leaves cannot be checked here, so that leaves are paid up to the reserve and no more;
    /// the coordinator publishes the tree. Once it has posted, it must sign no higher voucher for the job.
    function postRoot(Terms calldata terms, bytes32 root, uint96 reserve) external;

    /// @notice Stops a root inside its window, for the arbiter to decide. The requester stakes a tenth of the
    /// reserve; it is the coordinator's if the root is upheld.
    function dispute(Terms calldata terms) external payable;

    /// @notice The arbiter's decision. A voided root reserves nothing, and another can be posted.
    function rule(Terms calldata terms, bool stands) external;

    /// @notice Returns the stake of a dispute that the arbiter let pass. The root stands without this call.
    function lapse(Terms calldata terms) external;

    /// @notice Adds to what the coordinator puts at stake for its word in this job. Anyone may; it returns to the
    /// coordinator.
    function bond(Terms calldata terms, uint96 amount) external payable;

    /// @notice Says that the coordinator signed a voucher of `cumulative` for the worker, and that the worker has
    /// been paid less although the root is final. Anyone holding the coordinator's half of the voucher may.
    /// @dev A tree can leave a worker out, and no proof shows that it did. So the coordinator answers, within a
    /// window: it relays the worker's leaf to `claimRoot`, which an honest one can. A second accusation can raise
    /// the amount of one that is open, not move its time.
    function accuse(
        Terms calldata terms,
        address worker,
        uint96 cumulative,
        bytes calldata coordinatorSignature
    ) external;

    /// @notice Ends an accusation that was not answered: the worker gets what it lacks from the bond, as a claim,
    /// and the requester the same again; at most half of the bond each.
    function slash(Terms calldata terms, address worker) external;

    /// @notice Returns the bond once nobody can be slashed any more.
    function unbond(Terms calldata terms) external;

    function jobId(Terms calldata terms) external pure returns (bytes32);

    function account(bytes32 job)
        external
        view
        returns (uint96 funded, uint96 paid, uint40 deadline, Status status, bool rooted);

    /// @notice What was taken of the deposit for the worker so far, the author's part included.
    function claimed(bytes32 job, address worker) external view returns (uint96);

    function roots(bytes32 job)
        external
        view
        returns (bytes32 hash, uint96 reserved, uint96 stake, uint40 finalAt);

    function bonds(bytes32 job) external view returns (uint96);

    function accusations(bytes32 job, address worker) external view returns (uint96 cumulative, uint40 until);

    /// @notice What is kept for a payee that did not take a payment.
    function held(address token, address payee) external view returns (uint256);

    /// @notice EIP-712 digest that both keys sign for a worker's cumulative total.
    function voucherDigest(bytes32 job, address worker, uint96 cumulative) external view returns (bytes32);

    /// @notice EIP-712 digest that both keys sign to close a job.
    function closeDigest(bytes32 job, uint96 owed) external view returns (bytes32);

    /// @notice EIP-712 digest that both keys sign to move a job's deadline.
    function extendDigest(bytes32 job, uint40 deadline) external view returns (bytes32);
}
