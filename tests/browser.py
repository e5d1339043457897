"""A headless Chromium for tests of pages; they are skipped, and say so, where there is none."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import Page, async_playwright, expect

PROGRAMS = "chromium", "chromium-browser", "google-chrome-stable"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESKTOP, PHONE = (1280, 900), (360, 740)


def program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("there is no Chromium here, so no page is tested: apt-get install chromium")
    return found


@contextlib.asynccontextmanager
async def page(
    *, dark: bool = False, size: tuple[int, int] = DESKTOP, calm: bool = True, scale: float = 1
) -> AsyncIterator[Page]:
    """An empty page. What it says of errors, those of its policy among them, fails the test.

    Args:
        calm: whether its reader prefers less motion.
        scale: device pixels of a pixel.
    """
    async with async_playwright() as playwright:
        # Root has no sandbox in Chromium; all that is opened here is our own.
        started = await playwright.chromium.launch(
            executable_path=program(), args=FLAGS, chromium_sandbox=False, timeout=120_000
        )
        context = await started.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
            device_scale_factor=scale,
        )
        context.set_default_timeout(60_000)
        made = await context.new_page()
        wrong: list[str] = []
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        yield made
        await started.close()
    # A refused request is an error to the browser's console, and an answer to the page.
    assert [each for each in wrong if "Failed to load resource" not in each] == []


# A busy machine is slow, and that is no fault of a page.
expect.set_options(timeout=60_000)


async def obstacles(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds in the way of people with disabilities."""
    # Evaluated by the test's own side, as the page's policy lets nothing else in.
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("rules => axe.run({runOnly: rules})", RULES)
    return [
        {"rule": each["id"], "at": [node["html"][:200] for node in each["nodes"]][:3]}
        for each in found["violations"]
    ]


async def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(
        await page.evaluate(
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )
