"""Takes the pictures of docs/operator.md from a real run, and docs/artist.md's of the page for deposits.

In tests/: `PYTHONPATH=. python end_to_end/dashboard_shots.py SCENE.blend FOLDER`.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Page, expect

import browser
import chains
from coordinator.house import House
from end_to_end import jobs
from end_to_end import test_funding as funding
from tegula import local
from tegula.market import Market
from tegula_market.adapters.chain import Escrow
from tegula_market.model import Wei

WORKERS, SAMPLES, TILE = 3, 32, 80
HALF, ALL = 5, 12
SEEN = """least => {
    const pen = document.querySelector("canvas")?.getContext("2d");
    const tiles = [...document.querySelectorAll(".tile[aria-label*=': accepted']")];
    return tiles.length >= least && tiles.every(({ x, y, width, height }) => pen.getImageData(
        x.baseVal.value + width.baseVal.value / 2, y.baseVal.value + height.baseVal.value / 2, 1, 1,
    ).data[3] === 255);
}"""


async def signed_in(page: Page, market: Market) -> None:
    await page.goto(f"{market.url}/dashboard/")
    await page.get_by_label("Operator's token").fill(market.operator)
    await page.get_by_role("button", name="Sign in").click()


async def first_job(page: Page, market: Market) -> None:
    await signed_in(page, market)
    await page.locator("tbody a").first.click()


async def filled(page: Page, accepted: int) -> None:
    """So many tiles are accepted, and all that are can be seen."""
    await page.wait_for_function(SEEN, arg=accepted)


async def take(market: Market, job: jobs.Job, folder: Path) -> None:
    playing = jobs.begin(job, market)
    async with browser.page() as page:
        page.context.set_default_timeout(280_000)
        await first_job(page, market)
        await filled(page, HALF)
        await page.locator("#tile-1").click()
        await page.screenshot(path=folder / "dashboard-job.png")
        for view in ("Workers", "Market"):
            await page.get_by_role("link", name=view, exact=True).click()
            await expect(page.get_by_role("heading", name=view, exact=True)).to_be_visible()
            await expect(page.locator("main :is(table, .chart)").first).to_be_attached()
            await page.screenshot(path=folder / f"dashboard-{view.lower()}.png")
    await asyncio.to_thread(playing.result)
    async with browser.page(dark=True, size=browser.PHONE, scale=2) as page:
        await first_job(page, market)
        await page.get_by_text("Verdicts", exact=True).click()
        await filled(page, ALL)
        await page.screenshot(path=folder / "dashboard-phone.png")


def deposit(folder: Path) -> None:
    async def look(page: Page, _it: House) -> None:
        await funding.bring(page, order)
        await funding.pay(page)
        await expect(page.get_by_text("Done:")).to_be_visible()
        await page.locator("#terms").scroll_into_view_if_needed()
        await page.get_by_text("Done:").scroll_into_view_if_needed()
        await page.screenshot(path=folder / "fund.png")

    with chains.running("anvil") as dev, tempfile.TemporaryDirectory() as home:
        payer = dev.key(funding.REQUESTER).address
        dev.mint(payer, Wei(10**9))
        order, escrow = funding.an_order(dev), Escrow.connect(dev.rpc, dev.escrow)
        funding.visited(Path(home), escrow, funding.Wallet(dev, payer), look)


def main(blend: Path, folder: Path) -> None:
    deposit(folder)
    with tempfile.TemporaryDirectory() as out, local.market(WORKERS) as market:
        asyncio.run(take(market, jobs.Job(blend, Path(out), SAMPLES, TILE, 50), folder))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
