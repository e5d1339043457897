// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ITileEscrow} from "./ITileEscrow.sol";

contract TileEscrow is ITileEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One storage slot a job.
    struct Account {
        uint96 funded;
        uint96 paid;
        Status status;
    }

    address private constant ETHER = address(0);
    /// @dev Enough for a contract wallet to take ether, too little for a payee to burn a batch's gas.
    uint256 private constant SEND_GAS = 50_000;
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 job,address worker,uint96 cumulative)");
    bytes32 private constant CLOSE_TYPEHASH = keccak256("Close(bytes32 job,uint96 owed)");

    mapping(bytes32 job => Account) public override account;
    mapping(bytes32 job => mapping(address worker => uint96)) public override claimed;
    mapping(address token => mapping(address payee => uint256)) public override held;

    constructor() EIP712("TileEscrow", "1") {}

    function open(Terms calldata terms, uint96 amount) external payable nonReentrant returns (bytes32 job) {
        if (msg.sender != terms.requester) revert NotRequester();
        job = _open(terms, amount);
        _deposit(terms, amount);
    }

    function openWithAuthorization(
        Terms calldata terms,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 job) {
        if (terms.token == ETHER || amount == 0) revert NotAuthorizable();
        job = _open(terms, amount);
        uint256 wanted = _balance(terms.token) + amount;
        IERC3009(terms.token)
            .receiveWithAuthorization(
                terms.requester, address(this), amount, validAfter, validBefore, job, v, r, s
            );
        if (_balance(terms.token) != wanted) revert InexactTransfer();
    }

    function topUp(Terms calldata terms, uint96 amount) external payable nonReentrant {
        bytes32 job = jobId(terms);
        if (account[job].status != Status.OPEN) revert NotOpen();
        if (block.timestamp >= terms.deadline) revert DeadlinePassed();
        account[job].funded += amount;
        emit ToppedUp(job, msg.sender, amount);
        _deposit(terms, amount);
    }

    function claim(
        Terms calldata terms,
        address worker,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external nonReentrant returns (uint96) {
        return _claim(terms, jobId(terms), worker, cumulative, signerSignature, coordinatorSignature);
    }

    function claimMany(Terms calldata terms, Claim[] calldata claims)
        external
        nonReentrant
        returns (uint96 paid)
    {
        bytes32 job = jobId(terms);
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata c = claims[i];
            paid += _claim(terms, job, c.worker, c.cumulative, c.signerSignature, c.coordinatorSignature);
        }
    }

    function close(
        Terms calldata terms,
        uint96 owed,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN) revert NotOpen();
        if (owed < a.paid || owed > a.funded) revert Overdrawn();
        _checkSignatures(terms, closeDigest(job, owed), signerSignature, coordinatorSignature);
        uint96 returned = a.funded - owed;
        a.funded = owed;
        a.status = Status.CLOSED;
        emit Closed(job, owed, returned);
        _pay(terms.token, terms.requester, returned);
    }

    function refund(Terms calldata terms) external nonReentrant {
        bytes32 job = jobId(terms);
        Account storage a = account[job];
        if (a.status != Status.OPEN && a.status != Status.CLOSED) revert NotOpen();
        // In uint256, where no grace is long enough to overflow and lock the deposit.
        if (block.timestamp < uint256(terms.deadline) + terms.grace) revert TooEarly();
        uint96 returned = a.funded - a.paid;
        a.funded = a.paid;
        a.status = Status.REFUNDED;
        emit Refunded(job, returned);
        _pay(terms.token, terms.requester, returned);
    }

    function collect(address token, address to) external nonReentrant returns (uint256 amount) {
        amount = held[token][msg.sender];
        if (amount == 0) revert NothingHeld();
        held[token][msg.sender] = 0;
        emit Collected(token, msg.sender, to, amount);
        // All gas is the caller's own here, so it may spend it.
        if (!_send(token, to, amount, gasleft())) revert NotTaken();
    }

    function jobId(Terms calldata terms) public pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    function voucherDigest(bytes32 job, address worker, uint96 cumulative) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, job, worker, cumulative)));
    }

    function closeDigest(bytes32 job, uint96 owed) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CLOSE_TYPEHASH, job, owed)));
    }

    /// @dev Both ledgers are written before the token moves. The job id stands for the chain, the contract, the
    /// parties and the token in what was signed; nothing is keyed on signature bytes.
    function _claim(
        Terms calldata terms,
        bytes32 job,
        address worker,
        uint96 cumulative,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) private returns (uint96 due) {
        Account storage a = account[job];
        if (a.status != Status.OPEN && a.status != Status.CLOSED) revert NotOpen();
        uint96 before = claimed[job][worker];
        if (cumulative <= before) return 0;
        due = cumulative - before;
        if (due > a.funded - a.paid) revert Overdrawn();
        bytes32 digest = voucherDigest(job, worker, cumulative);
        _checkSignatures(terms, digest, signerSignature, coordinatorSignature);
        claimed[job][worker] = cumulative;
        a.paid += due;
        emit Claimed(job, worker, due, cumulative);
        _pay(terms.token, worker, due);
    }

    /// @dev Plain ECDSA, never ERC-1271: a session key whose account has code (EIP-7702) must go on working.
    function _checkSignatures(
        Terms calldata terms,
        bytes32 digest,
        bytes calldata signerSignature,
        bytes calldata coordinatorSignature
    ) private pure {
        if (!_signed(terms.signer, digest, signerSignature)) {
            revert BadSignerSignature();
        }
        if (!_signed(terms.coordinator, digest, coordinatorSignature)) revert BadCoordinatorSignature();
    }

    /// @dev What is no signature recovers address(0), which is no party of any open job.
    function _signed(address by, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address found,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return found == by;
    }

    /// @dev Counts the amount; the caller then brings it.
    function _open(Terms calldata terms, uint96 amount) private returns (bytes32 job) {
        job = jobId(terms);
        if (terms.signer == terms.coordinator) revert BadTerms();
        if (terms.signer == address(0) || terms.coordinator == address(0)) revert BadTerms();
        if (account[job].status != Status.NONE) revert AlreadyOpen();
        if (block.timestamp >= terms.deadline) revert DeadlinePassed();
        account[job] = Account({funded: amount, paid: 0, status: Status.OPEN});
        emit Opened(job, terms.requester, terms.token, amount);
    }

    /// @dev Called last, when the ledger already counts the amount.
    function _deposit(Terms calldata terms, uint96 amount) private {
        if (msg.value != (terms.token == ETHER ? amount : 0)) revert WrongValue();
        if (terms.token == ETHER) return;
        uint256 wanted = _balance(terms.token) + amount;
        IERC20(terms.token).safeTransferFrom(msg.sender, address(this), amount);
        if (_balance(terms.token) != wanted) revert InexactTransfer();
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    /// @dev A payee that cannot be paid holds up nobody: the amount is kept for it.
    function _pay(address token, address payee, uint256 amount) private {
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
}
