"""Keccak-256, Ethereum's hash, where no compiled library goes: inside Blender.

The standard library's SHA3-256 is the same permutation with another padding. Source: FIPS 202 (2015),
sections 3.2 and 4; the padding, 0x01, of the Keccak submission 3.0 (2011), section 1.1.2.
"""

RATE = 136
"""Bytes of the state that take the message: 200 less twice the 32 of the digest."""
LANE = (1 << 64) - 1


def keccak256(data: bytes) -> bytes:
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), RATE):
        for at in range(RATE // 8):
            lanes[at] ^= int.from_bytes(padded[start + 8 * at : start + 8 * at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]; the lane of x and y is lanes[x + 5 * y]."""
    for constant in CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[x - 1] ^ _turned(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for to, (source, by) in enumerate(MOVES):
            moved[to] = _turned(lanes[source] ^ mixed[source % 5], by)
        lanes = [
            moved[at] ^ (~moved[at - at % 5 + (at + 1) % 5] & moved[at - at % 5 + (at + 2) % 5] & LANE)
            for at in range(25)
        ]
        lanes[0] ^= constant
    return lanes


def _turned(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & LANE


def _moves() -> tuple[tuple[int, int], ...]:
    """By lane, which lane comes there and by how many bits it is turned: rho and pi."""
    turns, x, y = {(0, 0): 0}, 1, 0
    for step in range(24):
        turns[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    # The lane at (x, y) comes from (x + 3y, x).
    return tuple((((x + 3 * y) % 5) + 5 * x, turns[(x + 3 * y) % 5, x]) for y in range(5) for x in range(5))


def _constants() -> tuple[int, ...]:
    """Iota's, by round: bits of a shift register of x^8 + x^6 + x^5 + x^4 + 1."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


MOVES, CONSTANTS = _moves(), _constants()
