"""The dashboard in a browser: a house that listens, whose workers are played."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

import browser
from coordinator.house import OPERATOR, House, an_honest_order, house
from coordinator.playbook import ANN, BOB, EVE
from coordinator.served import Floor, served
from tegula_market import codec, tiling
from tegula_market.model import CostMap, Order, Outcome

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>GPU</b>"
Look = Callable[[Page, House, Floor], Awaitable[None]]


def an_order_to_see() -> Order:
    order = an_honest_order()
    scene = replace(order.scene, resolution_x=640, resolution_y=360)
    return replace(order, scene=scene, tile=80, frames=(1, 2))


def looked_at(
    folder: Path,
    look: Look,
    *,
    dark: bool = False,
    size: tuple[int, int] = browser.DESKTOP,
    order: Order | None = None,
) -> None:
    """A house with a job whose tiles come in, and the dashboard, signed in."""

    async def run() -> None:
        async with house(folder) as it, served(it.app) as url, browser.page(dark=dark, size=size) as page:
            ordered = order or an_order_to_see()
            floor = Floor(it, ordered, await it.open(ordered))
            await floor.opens((ANN, 40, 3, "GPU of Ann"), (BOB, 55, 2, MARKUP), (EVE, 700, 1, "CPU"))
            await floor.renders(18)
            await floor.judges(await floor.delivers(), Outcome.REJECTED, 9.0)
            await page.goto(f"{url}/dashboard/")
            await page.get_by_label("Operator's token").fill(OPERATOR)
            await page.get_by_role("button", name="Sign in").click()
            await look(page, it, floor)

    asyncio.run(run())


async def open_job(page: Page, floor: Floor) -> None:
    await page.evaluate(f"location.hash = 'job={codec.encode(floor.job)}'")
    await expect(page.get_by_role("heading", name="Job ")).to_be_visible()


async def see(page: Page, view: str) -> None:
    await page.get_by_role("link", name=view, exact=True).click()
    await expect(page.get_by_role("heading", name=view, exact=True)).to_be_visible()


def test_only_the_operator_gets_in(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url, browser.page() as page:
            await page.goto(url)
            await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
            assert await browser.obstacles(page) == []
            field = page.get_by_label("Operator's token")
            await field.fill("not the operator's token")
            await field.press("Enter")
            await expect(page.get_by_role("alert")).to_contain_text("not the operator's token")
            await field.fill(OPERATOR)
            await field.press("Enter")
            await expect(page.get_by_text("No job was ever opened here")).to_be_visible()
            await page.reload()
            await expect(page.get_by_text("No job was ever opened here")).to_be_visible()
            await page.get_by_role("button", name="Sign out").click()
            await page.reload()
            await expect(field).to_be_visible()

    asyncio.run(run())


def test_tiles_fill_in_as_they_are_accepted(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        row = page.get_by_role("row").nth(1)
        await expect(row).to_contain_text("18 of 80 tiles")
        await row.get_by_role("link").click()
        first, later, open_one = (page.locator(f"#tile-{unit}") for unit in (0, 30, 39))
        await page.wait_for_function(SOMETHING_AT, arg=[40, 40])
        assert not await page.evaluate(SOMETHING_AT, [40 + 80 * 6, 40 + 80 * 3])
        assert "accepted" in str(await first.get_attribute("aria-label"))
        assert "accepted" not in str(await later.get_attribute("aria-label"))
        await floor.renders(20)
        await page.wait_for_function(SOMETHING_AT, arg=[40 + 80 * 6, 40 + 80 * 3])
        assert "accepted" in str(await later.get_attribute("aria-label"))
        strokes = [await each.evaluate("tile => getComputedStyle(tile).stroke") for each in (later, open_one)]
        assert [stroke == "none" for stroke in strokes] == [True, False], "no line over the picture"

    looked_at(tmp_path, look)


SOMETHING_AT = """([x, y]) => {
    const canvas = document.querySelector("canvas");
    return canvas && canvas.getContext("2d").getImageData(x, y, 1, 1).data[3] === 255;
}"""


def test_a_frame_is_walked_through_with_the_keyboard(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        await open_job(page, floor)
        tiles = page.get_by_role("listbox")
        await tiles.focus()
        for key in ("Home", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
            await page.keyboard.press(key)
        await expect(page.get_by_role("heading", name="Tile 9")).to_be_visible()
        assert await tiles.get_attribute("aria-activedescendant") == "tile-9"
        await page.keyboard.press("End")
        await expect(page.get_by_role("heading", name="Tile 39")).to_be_visible()
        await page.keyboard.press("ArrowDown")  # there is nothing below
        await expect(page.get_by_role("heading", name="Tile 39")).to_be_visible()

    looked_at(tmp_path, look)


def test_tiles_of_several_sizes_are_walked_through_as_they_lie(tmp_path: Path) -> None:
    """The right quarter is dear: tiles of 80 beside tiles of 160, numbered by what they cost."""
    order = replace(an_order_to_see(), tile=160, costs=CostMap(4, (1, 1, 1, 16)))
    at = {(tile.rect.x0, tile.rect.y0): tile for tile in tiling.split(order) if tile.frame == 1}
    walk = {
        "Home": (480, 0),
        "ArrowLeft": (320, 0),
        "ArrowRight": (480, 80),
        "ArrowUp": (480, 0),
        "End": (320, 320),
    }
    assert (at[480, 80].rect.width, at[320, 0].rect.width) == (80, 160)

    async def look(page: Page, _it: House, floor: Floor) -> None:
        await open_job(page, floor)
        tiles = page.get_by_role("listbox")
        await tiles.focus()
        for key, place in walk.items():
            await page.keyboard.press(key)
            await expect(tiles).to_have_attribute("aria-activedescendant", f"tile-{at[place].index}")
        await page.wait_for_function(SOMETHING_AT, arg=[500, 20])

    looked_at(tmp_path, look, order=order)


def test_frames_are_gone_through(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        await open_job(page, floor)
        await page.get_by_role("button", name="Next").click()
        await expect(page.get_by_role("listbox")).to_have_attribute(
            "aria-label", "Tiles of frame 2; move with the arrow keys"
        )
        await expect(page.get_by_role("button", name="Next")).to_be_disabled()
        await page.locator("#tile-79").click()
        await expect(page.get_by_role("heading", name="Tile 79")).to_be_visible()

    looked_at(tmp_path, look)


def test_a_job_that_is_not_there_and_a_tile_that_cannot_be_shown_are_explained(tmp_path: Path) -> None:
    async def look(page: Page, it: House, floor: Floor) -> None:
        for blob in (tmp_path / "blobs").glob("??/*"):
            blob.unlink()
        await open_job(page, floor)
        await page.locator("#tile-0").click()
        await expect(page.get_by_text("the tile's image cannot be shown")).to_be_visible()
        await page.evaluate(f"location.hash = 'job=0x{'00' * 32}'")
        await expect(page.get_by_text("there is no such job here")).to_be_visible()
        await expect(page.get_by_label("Operator's token")).to_be_hidden()
        assert it.keeper.book.jobs

    looked_at(tmp_path, look)


def test_verdicts_are_a_map_and_a_rejection_stands_out(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        await open_job(page, floor)
        await page.get_by_text("Verdicts", exact=True).click()
        await expect(page.locator(".tile.h4")).to_have_count(1)
        assert await page.locator(".tile.h0").count() > 3
        await page.locator(".tile.h4").click()
        await expect(page.get_by_text("rejected", exact=True)).to_be_visible()

    looked_at(tmp_path, look)


def test_why_nothing_happens_is_said(tmp_path: Path) -> None:
    async def look(page: Page, it: House, floor: Floor) -> None:
        await open_job(page, floor)
        await expect(page.get_by_text("asks more than the ceiling")).to_be_visible()
        await expect(page.get_by_role("heading", name="What tiles of this frame wait for")).to_be_visible()
        await page.locator("#tile-39").click()
        await expect(page.locator(".card")).to_contain_text("slots")
        await it.post(f"/v1/jobs/{codec.encode(floor.job)}/cancel", {"reason": "enough"})
        await expect(page.locator(".card")).to_contain_text("cancelled")
        await expect(page.get_by_text("It is cancelled: enough.")).to_be_visible()

    looked_at(tmp_path, look)


def test_what_a_worker_calls_itself_is_words_and_no_markup(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, _floor: Floor) -> None:
        await see(page, "Workers")
        await expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
        assert await page.locator("main img, main b").count() == 0
        assert await page.title() == "Workers · Tegula"

    looked_at(tmp_path, look)


def test_it_says_when_the_coordinator_is_away_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        status, events = page.get_by_role("status"), "**/v1/operator/events*"
        await expect(status).to_have_text("connected")
        await page.route(events, lambda route: route.abort())
        await see(page, "Workers")  # and follows anew
        await expect(status).to_contain_text("cannot reach the coordinator")
        await page.unroute(events)
        await expect(status).to_have_text("connected")
        await see(page, "Jobs")
        await floor.renders(1)
        await expect(page.get_by_text("19 of 80 tiles")).to_be_visible()

    looked_at(tmp_path, look)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [browser.DESKTOP, browser.PHONE], ids=["desktop", "phone"])
def test_nothing_stands_in_anybodys_way(tmp_path: Path, dark: bool, size: tuple[int, int]) -> None:
    async def look(page: Page, _it: House, floor: Floor) -> None:
        for view in ("Jobs", "Workers", "Market"):
            await see(page, view)
            await expect(page.get_by_role("status")).to_have_text("connected")
            if view == "Market":
                await page.get_by_text("As tables").click()
                await expect(page.get_by_role("row", name="0.0007 USDX")).to_be_visible()
                await expect(page.get_by_role("table", name="Bids of jobs with open tiles")).to_be_visible()
            assert (await browser.obstacles(page), await browser.overflows(page)) == ([], False), view
        await open_job(page, floor)
        await page.get_by_text("Verdicts", exact=True).click()
        await page.locator("#tile-3").click()
        assert (await browser.obstacles(page), await browser.overflows(page)) == ([], False)

    looked_at(tmp_path, look, dark=dark, size=size)
