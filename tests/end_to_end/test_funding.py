"""The page for deposits, with a wallet in the page that hands on to a local chain."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect
from web3 import Web3

import browser
import chains
from coordinator.house import CONFIG, COORDINATOR, SESSION, TOKEN, House, an_honest_order, house
from coordinator.served import served
from tegula_coordinator import tiles
from tegula_coordinator.config import Config
from tegula_market import auction, codec
from tegula_market.adapters import chain, signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.model import ETHER, Address, Order, Wei

pytestmark = pytest.mark.slow

REQUESTER, STRANGER = 5, 6
WALLET = """
const provider = {
  request: async ({ method, params }) => {
    const said = await window.forward(method, params ?? []);
    if (said.error) throw Object.assign(new Error(said.error.message), { code: said.error.code });
    return said.result;
  },
};
const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", {
  detail: Object.freeze({ info: { uuid: "1", name: "Test wallet", rdns: "test", icon: "" }, provider }),
}));
addEventListener("eip6963:requestProvider", announce);
"""


class Wallet:
    """Of one account of anvil's, which signs what it is asked to."""

    def __init__(self, dev: DevChain, account: Address, key: signing.Key | None = None) -> None:
        self._key = key
        self._web3, self._account = Web3(Web3.HTTPProvider(dev.rpc)), account
        self.chain_id = dev.chain_id
        self.moves = True
        self.declines: set[str] = set()
        self.asked: list[str] = []
        self.shown: list[str] = []
        """Texts that it was to sign."""
        self.code: str | None = None
        """What is said to be at any address, instead of what is."""

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.asked.append(method)
        if method in self.declines:
            return {"error": {"code": 4001, "message": "User rejected the request"}}
        match method:
            case "eth_requestAccounts":
                return {"result": [codec.encode(self._account)]}
            case "personal_sign":
                assert self._key is not None
                assert params[1] == codec.encode(self._account)
                self.shown.append(bytes.fromhex(params[0][2:]).decode())
                return {"result": codec.encode(signing.sign_text(self.shown[-1], self._key))}
            case "eth_chainId":
                return {"result": hex(self.chain_id)}
            case "wallet_switchEthereumChain":
                if not self.moves:
                    return {"error": {"code": 4902, "message": "Unrecognized chain ID"}}
                self.chain_id = int(params[0]["chainId"], 16)
                return {"result": None}
            case "eth_getCode" if self.code is not None:
                return {"result": self.code}
            case _:
                made: Any = self._web3.provider.make_request(method, params)  # type: ignore[arg-type]
                return {name: made[name] for name in ("result", "error") if name in made}

    def sent(self) -> int:
        return self.asked.count("eth_sendTransaction")


@pytest.fixture(scope="module")
def dev() -> Iterator[DevChain]:
    with chains.running("anvil") as made:
        made.mint(made.key(REQUESTER).address, Wei(10**9))
        yield made


@pytest.fixture
def escrow(dev: DevChain) -> Escrow:
    return Escrow.connect(dev.rpc, dev.escrow)


SALTS = iter(range(1, 200))


def an_order(dev: DevChain, **changes: Any) -> Order:
    """Each is another job."""
    salt = bytes([next(SALTS)]) * 32
    terms = {"requester": dev.key(REQUESTER).address, "token": dev.dollar, "salt": salt, **changes}
    return an_honest_order(**terms)


def cost(order: Order) -> int:
    return auction.most(tiles.sizes(order), order.ceiling)


Look = Callable[[Page, House], Awaitable[None]]


def visited(
    folder: Path,
    escrow: Escrow,
    wallet: Wallet | None,
    look: Look,
    *,
    size: tuple[int, int] = browser.DESKTOP,
    dark: bool = False,
    config: Config = CONFIG,
) -> None:
    async def run() -> None:
        async with (
            house(folder, escrow, config=config) as it,
            served(it.app) as url,
            browser.page(size=size, dark=dark) as page,
        ):
            if wallet is not None:
                await page.expose_function(
                    "forward", lambda method, params: asyncio.to_thread(wallet.answer, method, params)
                )
                await page.add_init_script(WALLET)
            await page.goto(f"{url}/dashboard/fund.html")
            await look(page, it)

    asyncio.run(run())


async def bring(page: Page, order: Order | str) -> None:
    text = order if isinstance(order, str) else codec.dumps(order).decode()
    await page.get_by_label("The order as JSON").fill(text)
    await page.get_by_label("Requester's token").fill(TOKEN)
    await page.get_by_role("button", name="Look at the order").click()


async def pay(page: Page) -> None:
    await page.get_by_role("button", name="Pay with Test wallet").click()


def test_a_wallet_pays_the_deposit_of_an_order_and_the_coordinator_takes_the_job(
    tmp_path: Path, dev: DevChain, escrow: Escrow
) -> None:
    order, wallet = an_order(dev), Wallet(dev, dev.key(REQUESTER).address)
    job = chain.job_id(order.terms)

    async def look(page: Page, it: House) -> None:
        await bring(page, order)
        await expect(page.get_by_role("heading", name="What you pay for")).to_be_visible()
        await pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()
        account = escrow.account(job)
        assert (account.open, account.funded) == (True, cost(order))
        await it.upload_scene()
        assert (await it.order(order)).status_code == 201
        before = wallet.sent()
        await pay(page)  # once more does no harm
        await expect(page.get_by_text("The job is open already")).to_be_visible()
        assert (before, wallet.sent()) == (2, 2)  # what is allowed, and what is paid

    visited(tmp_path, escrow, wallet, look)


def test_who_has_no_token_signs_in_with_the_wallet_and_pays(
    tmp_path: Path, dev: DevChain, escrow: Escrow
) -> None:
    payer = dev.key(REQUESTER)
    order, wallet = an_order(dev), Wallet(dev, payer.address, payer)

    async def look(page: Page, it: House) -> None:
        sign_in = page.get_by_role("button", name="Sign in with Test wallet")
        await sign_in.click()  # before there is an order: with the account that is chosen in the wallet
        await expect(page.get_by_text("Signed in as")).to_be_visible()
        await page.get_by_label("Requester's token").fill("")
        await page.get_by_label("The order as JSON").fill(codec.dumps(order).decode())
        wallet.declines = {"personal_sign"}
        await sign_in.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("You declined it in the wallet")
        wallet.declines = set()
        await sign_in.press("Enter")
        await expect(page.get_by_role("alert")).to_be_empty()
        await expect(page.get_by_label("Requester's token")).not_to_be_empty()
        assert all("wants you to sign in with your Ethereum account" in text for text in wallet.shown)
        await page.get_by_role("button", name="Look at the order").click()
        await pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()
        token = await page.get_by_label("Requester's token").input_value()
        it.as_requester = {"Authorization": f"Bearer {token}"}
        await it.upload_scene()
        assert (await it.order(order)).status_code == 201
        assert (await browser.obstacles(page), await browser.overflows(page)) == ([], False)

    visited(tmp_path, escrow, wallet, look)


def test_an_account_that_the_order_does_not_name_is_not_signed_in(
    tmp_path: Path, dev: DevChain, escrow: Escrow
) -> None:
    order, wallet = (
        an_order(dev, requester=dev.key(STRANGER).address),
        Wallet(dev, dev.key(REQUESTER).address),
    )

    async def look(page: Page, _it: House) -> None:
        await page.get_by_label("The order as JSON").fill(codec.dumps(order).decode())
        await page.get_by_role("button", name="Sign in with Test wallet").click()
        await expect(page.get_by_role("alert")).to_contain_text("choose that account in the wallet")
        assert wallet.shown == []

    visited(tmp_path, escrow, wallet, look)


def test_where_nobody_signs_in_it_is_not_offered(tmp_path: Path, dev: DevChain, escrow: Escrow) -> None:
    async def look(page: Page, _it: House) -> None:
        await bring(page, an_order(dev))
        await expect(page.get_by_role("heading", name="What you pay for")).to_be_visible()
        await expect(page.get_by_role("button", name="Sign in")).to_be_hidden()

    wallet = Wallet(dev, dev.key(REQUESTER).address)
    visited(tmp_path, escrow, wallet, look, config=replace(CONFIG, sign_in=False))


def test_ether_goes_with_one_transaction(tmp_path: Path, dev: DevChain, escrow: Escrow) -> None:
    order, wallet = an_order(dev, token=ETHER), Wallet(dev, dev.key(REQUESTER).address)

    async def look(page: Page, _it: House) -> None:
        await bring(page, codec.dumps(order).decode().join(('{"order":', "}")))
        await pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()
        assert escrow.account(chain.job_id(order.terms)).funded == cost(order)
        assert wallet.sent() == 1

    visited(tmp_path, escrow, wallet, look)


def test_a_wallet_on_another_chain_is_asked_to_move(tmp_path: Path, dev: DevChain, escrow: Escrow) -> None:
    order, wallet = an_order(dev), Wallet(dev, dev.key(REQUESTER).address)
    wallet.chain_id, wallet.moves = 1, False

    async def look(page: Page, _it: House) -> None:
        await bring(page, order)
        await pay(page)
        await expect(page.get_by_role("alert")).to_contain_text(f"does not know chain {dev.chain_id}")
        assert wallet.sent() == 0
        wallet.moves = True
        await pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()

    visited(tmp_path, escrow, wallet, look)


def stray(wallet: Wallet, what: str, dev: DevChain) -> Order:
    """An order, or a wallet, with which nothing may be paid."""
    match what:
        case "account":
            return an_order(dev, requester=dev.key(STRANGER).address)
        case "code":
            wallet.code = "0x6000"
        case "money":
            return replace(an_order(dev), ceiling=Wei(10**11))
        case "declined":
            wallet.declines = {"eth_sendTransaction"}
    return an_order(dev)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("account", "choose that account in the wallet"),
        ("code", "is not Tegula's escrow; pay nothing"),
        ("money", "fund it first"),
        ("declined", "You declined it in the wallet"),
    ],
)
def test_what_is_not_as_it_should_be_costs_nothing(
    tmp_path: Path, dev: DevChain, escrow: Escrow, what: str, says: str
) -> None:
    wallet = Wallet(dev, dev.key(REQUESTER).address)
    order = stray(wallet, what, dev)
    held = escrow.balance(dev.dollar, dev.key(REQUESTER).address)

    async def look(page: Page, _it: House) -> None:
        await bring(page, order)
        await pay(page)
        await expect(page.get_by_role("alert")).to_contain_text(says)
        assert not escrow.account(chain.job_id(order.terms)).open
        assert escrow.balance(dev.dollar, dev.key(REQUESTER).address) == held
        assert wallet.sent() == (what == "declined")

    visited(tmp_path, escrow, wallet, look)


def test_orders_that_cannot_be_taken_are_explained_before_a_wallet_is_asked(
    tmp_path: Path, dev: DevChain, escrow: Escrow
) -> None:
    async def look(page: Page, _it: House) -> None:
        for order, says in (
            ("{", "That is no JSON"),
            ("[]", "it has no terms"),
            (an_order(dev, deadline=1000), "deadline has passed"),
            (an_order(dev, coordinator=SESSION.address, signer=COORDINATOR.address), "another coordinator"),
        ):
            await bring(page, order)
            await expect(page.get_by_role("alert")).to_contain_text(says)
            await expect(page.get_by_role("heading", name="The wallet")).to_be_hidden()
        await bring(page, an_order(dev))
        await expect(page.get_by_text("There is no wallet in this browser")).to_be_visible()

    visited(tmp_path, escrow, None, look)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_stands_in_anybodys_way(tmp_path: Path, dev: DevChain, escrow: Escrow, dark: bool) -> None:
    async def look(page: Page, _it: House) -> None:
        await bring(page, an_order(dev))
        await pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()
        assert (await browser.obstacles(page), await browser.overflows(page)) == ([], False)

    wallet = Wallet(dev, dev.key(REQUESTER).address)
    visited(tmp_path, escrow, wallet, look, size=browser.PHONE, dark=dark)
