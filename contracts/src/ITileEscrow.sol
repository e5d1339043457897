// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

/// @title Deposits of render jobs, paid out to workers by co-signed vouchers.
/// @notice Ownerless and not upgradeable. A job is known by the hash of its terms. What a worker has earned is one
/// cumulative number, its voucher; the latest voucher replaces all earlier ones, so one claim pays any number of
/// tiles. The rest of a deposit returns by a co-signed close at once, or alone after deadline and grace.
/// @dev Amounts are in the token's smallest unit and fit uint96. Tokens that keep a fee are refused when they are
/// deposited; tokens whose balances change by themselves (rebasing) must not be used.
interface ITileEscrow {
    /// @notice What a deposit stands on. The job id is keccak256(abi.encode(terms)).
    struct Terms {
        address requester; // who deposits, and to whom the rest returns
        address signer; // the requester's session key: half of every voucher
        address coordinator; // the other half: neither can pay anybody alone
        address token; // ERC-20, or address(0) for the chain's own currency
        uint64 deadline; // Unix seconds; the job is not opened or topped up from then on
        uint64 grace; // seconds after the deadline in which workers can still claim before a refund
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

    /// @notice One worker's voucher, as `claimMany` takes it.
    struct Claim {
        address worker;
        uint96 cumulative;
        bytes signerSignature;
        bytes coordinatorSignature;
    }

    event Opened(bytes32 indexed job, address indexed requester, address token, uint96 amount);
    event ToppedUp(bytes32 indexed job, address indexed from, uint96 amount);
    /// @param amount What this claim paid.
    /// @param cumulative What the worker was paid of the job so far.
    event Claimed(bytes32 indexed job, address indexed worker, uint96 amount, uint96 cumulative);
    /// @param owed What workers get of the job, all in all.
    /// @param returned What went back to the requester.
    event Closed(bytes32 indexed job, uint96 owed, uint96 returned);
    event Refunded(bytes32 indexed job, uint96 returned);
    /// @notice The payee did not take a payment; it is kept until the payee collects it.
    event Held(address indexed token, address indexed payee, uint256 amount);
    event Collected(address indexed token, address indexed payee, address to, uint256 amount);

    /// @notice The terms can never pay: no signer or coordinator, or one key for both.
    error BadTerms();
    /// @notice The id was opened before; choose another salt.
    error AlreadyOpen();
    /// @notice The job was never opened, or has been closed or refunded.
    error NotOpen();
    /// @notice Only the requester of the terms opens the job by a call of its own.
    error NotRequester();
    error DeadlinePassed();
    /// @notice No refund before deadline and grace have passed.
    error TooEarly();
    /// @notice The value sent is not the amount deposited, or came with an ERC-20 deposit.
    error WrongValue();
    /// @notice The token moved another amount than it was asked to.
    error InexactTransfer();
    /// @notice More than the deposit still has, or a close below what is paid already.
    error Overdrawn();
    error BadSignerSignature();
    error BadCoordinatorSignature();
    /// @notice Ether knows no authorizations; and if one over nothing would do, a stranger could open any job whose
    /// token takes calls that it does not know without a word, as wrapped ether does.
    error NotAuthorizable();
    /// @notice Nothing is kept for the caller.
    error NothingHeld();
    /// @notice The payee refuses the payment still.
    error NotTaken();

    /// @notice Opens the job of these terms and deposits `amount`. Called by the requester, once per id.
    function open(Terms calldata terms, uint96 amount) external payable returns (bytes32 job);

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

    /// @notice Adds to the deposit of an open job. Anyone may; what is left returns to the requester.
    function topUp(Terms calldata terms, uint96 amount) external payable;

    /// @notice Pays the worker `cumulative` less what it has claimed of the job before. Anyone may relay it.
    /// @dev All or nothing: reverts with Overdrawn rather than pay a part. A voucher that is paid already pays
    /// nothing and does not revert, so that a relay can repeat it; its signatures are not looked at.
    /// @return paid What was paid by this call.
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

    /// @notice Ends the job with the consent of both keys: workers can claim `owed` in all, the rest returns at
    /// once. What is owed and not claimed yet can be claimed until a refund.
    function close(
        Terms calldata terms,
        uint96 owed,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external;

    /// @notice Returns what nobody claimed, from deadline + grace on. Anyone may relay it; the payee is fixed.
    function refund(Terms calldata terms) external;

    /// @notice Sends what was kept for the caller, because an earlier payment failed, to `to`.
    function collect(address token, address to) external returns (uint256 amount);

    function jobId(Terms calldata terms) external pure returns (bytes32);

    function account(bytes32 job) external view returns (uint96 funded, uint96 paid, Status status);

    /// @notice What the worker was paid of the job so far.
    function claimed(bytes32 job, address worker) external view returns (uint96);

    /// @notice What is kept for a payee that did not take a payment.
    function held(address token, address payee) external view returns (uint256);

    /// @notice EIP-712 digest that both keys sign for a worker's cumulative total.
    function voucherDigest(bytes32 job, address worker, uint96 cumulative) external view returns (bytes32);

    /// @notice EIP-712 digest that both keys sign to close a job.
    function closeDigest(bytes32 job, uint96 owed) external view returns (bytes32);
}
