"""Bodies of the HTTP API, as OpenAPI describes them; values are spelled as `tegula_market.codec` does."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tegula_market.vouchers import MAX_TIME

MAX_DIGESTS = 10_000
MAX_SIGNATURE = 4096
"""Bytes: some of contracts are several in one."""

Hex = Annotated[str, Field(pattern="^0x[0-9a-f]+$", max_length=2 + 2 * 65)]
Amount = Annotated[str, Field(pattern="^[0-9]+$", max_length=30, description="token units, decimal")]
Time = Annotated[int, Field(strict=True, ge=0, le=MAX_TIME, description="Unix seconds")]
Transaction = Annotated[Hex | None, Field(description="transaction hash; null if it was done already")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Offer(Strict):
    offered: bool


class Signing(Strict):
    account: Annotated[
        str, Field(pattern="^0x[0-9a-fA-F]{40}$", description="the Ethereum account's address")
    ]


class ToSign(Strict):
    nonce: str
    message: Annotated[str, Field(description="EIP-4361")]
    expires: Annotated[Time, Field(description="Unix seconds, until which it can be signed")]


class Entering(Strict):
    nonce: Annotated[str, Field(max_length=64)]
    signature: Annotated[
        str,
        Field(
            pattern="^0x([0-9a-fA-F]{2})*$",
            max_length=2 + 2 * MAX_SIGNATURE,
            description="EIP-191, by the account; or what a contract that is the account takes (ERC-1271)",
        ),
    ]


class SignedIn(Strict):
    token: str
    account: Hex
    scopes: list[str]
    expires: Annotated[Time, Field(description="Unix seconds, at which it ends")]


class Digests(Strict):
    digests: Annotated[list[Hex], Field(max_length=MAX_DIGESTS)]


class Unsigned(Strict):
    order: Annotated[dict[str, Any], Field(description="tegula_market.model.Order as JSON")]


class SignedOrder(Unsigned):
    signature: Hex


class SignedAmount(Strict):
    worker: Hex
    cumulative: Amount
    signature: Hex


class Closing(Strict):
    owed: Amount
    signature: Annotated[Hex, Field(description="by the session key, under Close(job, owed)")]


class Cancelling(Strict):
    reason: Annotated[str, Field(max_length=200)] = "cancelled by the requester"


class Banning(Strict):
    worker: Annotated[Hex, Field(description="CURVE public key")]
    reason: Annotated[str, Field(min_length=1, max_length=200, description="one line; the worker is told")]


class Unbanning(Strict):
    worker: Hex


class SignedDeposit(Strict):
    terms: Annotated[dict[str, Any], Field(description="tegula_market.model.Terms as JSON")]
    amount: Amount
    valid_after: Time
    valid_before: Time
    signature: Annotated[
        Hex,
        Field(
            description="by the account terms.requester, under the currency's EIP-712 type"
            " ReceiveWithAuthorization(from: terms.requester, to: the escrow, value: amount,"
            " validAfter, validBefore, nonce: the job's id)"
        ),
    ]


class AccountView(Strict):
    """What an account holds of the coordinator's currency, and the domain that deposits are signed in."""

    currency: Annotated[Hex, Field(description="the token's address")]
    symbol: str
    decimals: int
    name: Annotated[str, Field(description="of the token's EIP-712 domain")]
    version: Annotated[str, Field(description="of the token's EIP-712 domain")]
    balance: Amount


class Level(Strict):
    price: Annotated[str, Field(description="token units for a megasample, decimal")]
    slots: Annotated[int, Field(description="tiles that are taken at a time at this price")]
    cumulative: Annotated[int, Field(description="at this price or less")]


class DeviceAsks(Strict):
    device: Annotated[str, Field(description="in words, as workers have it")]
    blender: str
    asks: Annotated[list[Level], Field(description="the lowest first")]


class Bid(Strict):
    """A job with open tiles."""

    ceiling: Annotated[str, Field(description="most that is paid for a megasample, token units, decimal")]
    blender: str
    tiles: Annotated[int, Field(description="that are open")]
    megasamples: Annotated[float, Field(description="of the open tiles")]
    deadline: Annotated[int, Field(description="Unix seconds; until then it waits")]
    taken: Annotated[int, Field(description="workers that work at its price; 0 while it waits for one")]


class TokenBook(Strict):
    token: Hex
    classes: list[DeviceAsks]
    bids: Annotated[list[Bid], Field(description="the highest first")]


class OrderBook(Strict):
    """What workers that are there ask at present, and what jobs bid whose tiles are open."""

    at: Annotated[float, Field(description="Unix seconds")]
    tokens: list[TokenBook]


class Deposited(Strict):
    job: Hex
    tx: Transaction


class Settled(Strict):
    tx: Transaction
    returned: Annotated[Amount, Field(description="token units that went back to the requester")]
