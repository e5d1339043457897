// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {DevDollar} from "../src/dev/DevDollar.sol";
import {ITileEscrow} from "../src/ITileEscrow.sol";
import {TileEscrow} from "../src/TileEscrow.sol";

/// @dev The cheat codes that these tests use; npm has no official forge-std.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function deal(address account, uint256 amount) external;
    function etch(address account, bytes calldata code) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function expectPartialRevert(bytes4 reason) external;
    function expectRevert() external;
    function expectRevert(bytes4 reason) external;
    function prank(address sender) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256 gas);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
    function warp(uint256 time) external;
}

/// @dev An escrow, the parties of a job and their keys. Suites run in ether and, below `inDollars`, in an ERC-20.
abstract contract Base {
    Vm internal constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 internal constant REQUESTER_KEY = 10;
    uint256 internal constant SIGNER_KEY = 11;
    uint256 internal constant COORDINATOR_KEY = 12;
    uint256 internal constant STRANGER_KEY = 13;
    uint40 internal constant NOW = 1_000_000;
    uint40 internal constant DEADLINE = NOW + 1 days;
    uint32 internal constant WINDOW = 30 minutes;
    uint32 internal constant GRACE = 4 * WINDOW;
    uint96 internal constant DEPOSIT = 1_000_000;
    uint256 internal constant FIELDS = 11; // of the terms

    address internal constant REQUESTER = 0x4CCeBa2d7D2B4fdcE4304d3e09a1fea9fbEb1528; // of REQUESTER_KEY
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    address internal constant WORKER = address(0xB0B);
    address internal constant OTHER_WORKER = address(0xCA7);
    address internal constant STRANGER = address(0x5757);
    address internal constant ARBITER = address(0xA2B);
    address internal constant AUTHOR = address(0xA07);

    /// @dev What a requester signs instead of sending a transaction.
    struct Authorization {
        uint256 validAfter;
        uint256 validBefore;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    TileEscrow internal escrow;
    DevDollar internal dollar;
    address internal token;

    function setUp() public virtual {
        VM.warp(NOW);
        escrow = new TileEscrow();
        dollar = new DevDollar();
    }

    function useDollars() internal {
        token = address(dollar);
    }

    function terms() internal view returns (ITileEscrow.Terms memory) {
        return ITileEscrow.Terms({
            requester: REQUESTER,
            signer: VM.addr(SIGNER_KEY),
            coordinator: VM.addr(COORDINATOR_KEY),
            arbiter: ARBITER,
            token: token,
            author: address(0),
            authorBps: 0,
            deadline: DEADLINE,
            window: WINDOW,
            grace: GRACE,
            salt: bytes32(uint256(1))
        });
    }

    /// @dev Gives `owner` the amount, approved for the escrow, and returns the ether to send along.
    function prepare(address owner, uint96 amount) internal returns (uint256 value) {
        if (token == address(0)) {
            VM.deal(owner, owner.balance + amount);
            return amount;
        }
        dollar.mint(owner, amount);
        VM.prank(owner);
        require(dollar.approve(address(escrow), amount));
    }

    function opened() internal returns (ITileEscrow.Terms memory made) {
        made = terms();
        openWith(made, DEPOSIT);
    }

    function openWith(ITileEscrow.Terms memory made, uint96 amount) internal returns (bytes32) {
        uint256 value = prepare(made.requester, amount);
        VM.prank(made.requester);
        return escrow.open{value: value}(made, amount);
    }

    /// @dev Opens the job as a stranger that has the requester's signature.
    function relay(ITileEscrow.Terms memory made, uint96 amount, Authorization memory a)
        internal
        returns (bytes32)
    {
        VM.prank(STRANGER);
        return escrow.openWithAuthorization(made, amount, a.validAfter, a.validBefore, a.v, a.r, a.s);
    }

    function authorized(ITileEscrow.Terms memory made, uint96 amount)
        internal
        view
        returns (Authorization memory)
    {
        return authorizedBy(REQUESTER_KEY, made, amount, 0, DEADLINE);
    }

    function authorizedBy(
        uint256 key,
        ITileEscrow.Terms memory made,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore
    ) internal view returns (Authorization memory a) {
        (a.validAfter, a.validBefore) = (validAfter, validBefore);
        bytes32 message = keccak256(
            abi.encode(
                RECEIVE_TYPEHASH,
                made.requester,
                address(escrow),
                amount,
                validAfter,
                validBefore,
                escrow.jobId(made)
            )
        );
        (a.v, a.r, a.s) = VM.sign(key, inDollars(message));
    }

    /// @dev EIP-712 digest of a message in the dollar's domain.
    function inDollars(bytes32 message) internal view returns (bytes32) {
        (bytes32 name, bytes32 version) = (keccak256("Tegula test dollar"), keccak256("1"));
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, name, version, block.chainid, address(dollar)));
        return keccak256(abi.encodePacked("\x19\x01", domain, message));
    }

    function topUp(ITileEscrow.Terms memory made, address from, uint96 amount) internal {
        uint256 value = prepare(from, amount);
        VM.prank(from);
        escrow.topUp{value: value}(made, amount);
    }

    function claim(ITileEscrow.Terms memory made, address worker, uint96 cumulative)
        internal
        returns (uint96)
    {
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), worker, cumulative);
        return
            escrow.claim(
                made, worker, cumulative, signed(SIGNER_KEY, digest), signed(COORDINATOR_KEY, digest)
            );
    }

    function close(ITileEscrow.Terms memory made, uint96 owed) internal {
        bytes32 digest = escrow.closeDigest(escrow.jobId(made), owed);
        escrow.close(made, owed, signed(SIGNER_KEY, digest), signed(COORDINATOR_KEY, digest));
    }

    /// @dev As `claim`, with the signatures made first, so that an expected revert is the escrow's claim.
    function expectRefusedClaim(
        ITileEscrow.Terms memory made,
        address worker,
        uint96 cumulative,
        bytes4 reason
    ) internal {
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), worker, cumulative);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(reason);
        escrow.claim(made, worker, cumulative, signer, coordinator);
    }

    function expectRefusedClose(ITileEscrow.Terms memory made, uint96 owed, bytes4 reason) internal {
        bytes32 digest = escrow.closeDigest(escrow.jobId(made), owed);
        bytes memory signer = signed(SIGNER_KEY, digest);
        bytes memory coordinator = signed(COORDINATOR_KEY, digest);
        VM.expectRevert(reason);
        escrow.close(made, owed, signer, coordinator);
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function extend(ITileEscrow.Terms memory made, uint40 deadline) internal {
        bytes32 digest = escrow.extendDigest(escrow.jobId(made), deadline);
        escrow.extend(made, deadline, signed(SIGNER_KEY, digest), signed(COORDINATOR_KEY, digest));
    }

    function voucher(ITileEscrow.Terms memory made, address worker, uint96 cumulative)
        internal
        view
        returns (ITileEscrow.Claim memory)
    {
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), worker, cumulative);
        return
            ITileEscrow.Claim(worker, cumulative, signed(SIGNER_KEY, digest), signed(COORDINATOR_KEY, digest));
    }

    /// @dev The coordinator's root over two workers' totals.
    function postRoot(ITileEscrow.Terms memory made, uint96 one, uint96 other, uint96 reserve) internal {
        bytes32 root = Hashes.commutativeKeccak256(leaf(made, WORKER, one), leaf(made, OTHER_WORKER, other));
        VM.prank(made.coordinator);
        escrow.postRoot(made, root, reserve);
    }

    function leaf(ITileEscrow.Terms memory made, address worker, uint96 cumulative)
        internal
        view
        returns (bytes32)
    {
        return keccak256(bytes.concat(keccak256(abi.encode(escrow.jobId(made), worker, cumulative))));
    }

    /// @dev The proof of a leaf whose only neighbour is this one.
    function beside(ITileEscrow.Terms memory made, address worker, uint96 cumulative)
        internal
        view
        returns (bytes32[] memory proof)
    {
        proof = new bytes32[](1);
        proof[0] = leaf(made, worker, cumulative);
    }

    function refuseRoot(
        ITileEscrow.Terms memory made,
        address worker,
        uint96 cumulative,
        bytes32[] memory proof,
        bytes4 reason
    ) internal {
        VM.expectRevert(reason);
        escrow.claimRoot(made, worker, cumulative, proof);
    }

    /// @dev What the author gets for all workers that these tests have.
    function collectRoyalty(ITileEscrow.Terms memory made) internal returns (uint96) {
        address[] memory all = new address[](3);
        (all[0], all[1], all[2]) = (WORKER, OTHER_WORKER, STRANGER);
        return escrow.collectRoyalty(made, all);
    }

    function dispute(ITileEscrow.Terms memory made) internal returns (uint96 stake) {
        (, uint96 reserved,,) = escrow.roots(escrow.jobId(made));
        stake = reserved / 10 + 1;
        uint256 value = prepare(made.requester, stake);
        VM.prank(made.requester);
        escrow.dispute{value: value}(made);
    }

    function rule(ITileEscrow.Terms memory made, bool stands) internal {
        VM.prank(made.arbiter);
        escrow.rule(made, stands);
    }

    function bond(ITileEscrow.Terms memory made, uint96 amount) internal {
        uint256 value = prepare(made.coordinator, amount);
        VM.prank(made.coordinator);
        escrow.bond{value: value}(made, amount);
    }

    function accuse(ITileEscrow.Terms memory made, address worker, uint96 cumulative) internal {
        bytes32 digest = escrow.voucherDigest(escrow.jobId(made), worker, cumulative);
        escrow.accuse(made, worker, cumulative, signed(COORDINATOR_KEY, digest));
    }

    /// @dev Of the escrow, as EIP-712 has it.
    function domainOf(uint256 chain) internal view returns (bytes32) {
        (bytes32 name, bytes32 version) = (keccak256("TileEscrow"), keccak256("1"));
        return keccak256(abi.encode(DOMAIN_TYPEHASH, name, version, chain, address(escrow)));
    }

    function balance(address owner) internal view returns (uint256) {
        return token == address(0) ? owner.balance : dollar.balanceOf(owner);
    }

    function status(ITileEscrow.Terms memory made) internal view returns (ITileEscrow.Status found) {
        (,,, found,) = escrow.account(escrow.jobId(made));
    }

    function same(uint256 found, uint256 expected) internal pure {
        require(
            found == expected,
            string.concat("found ", Strings.toString(found), ", expected ", Strings.toString(expected))
        );
    }

    function same(ITileEscrow.Status found, ITileEscrow.Status expected) internal pure {
        same(uint256(found), uint256(expected));
    }

    /// @dev Bits that a field of the terms has, by its place.
    function fieldMask(uint256 place) internal pure returns (uint256) {
        if (place < 6) return type(uint160).max;
        if (place == 6) return type(uint16).max;
        if (place == 7) return type(uint40).max;
        return place < 10 ? type(uint32).max : type(uint256).max;
    }

    function bounded(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return value >= low && value <= high ? value : low + value % (high - low + 1);
    }
}
