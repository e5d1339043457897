"""The pages are whole, come with their policy, and hold nothing that their policy would stop."""

import re
from pathlib import Path

import pytest

from coordinator.house import House, acting
from tegula_coordinator.dashboard import pages

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|javascript:", re.IGNORECASE)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
IMPORTED = re.compile(r"""from "\./([\w.]+)"|(?:src|href)="([\w.]+)\"""")


def test_pages_come_with_their_policy_and_nothing_else_comes(tmp_path: Path) -> None:
    async def scenario(it: House) -> None:
        for name in ("", *sorted(pages.FILES)):
            answer = await it.client.get(f"/dashboard/{name}")
            assert answer.status_code == 200, name
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
        for name in ("..%2fpages.py", "%2e%2e/pages.py", "nothing.js"):
            assert (await it.client.get(f"/dashboard/{name}")).status_code == 404, name
        for way in ("/", "/dashboard"):
            assert (await it.client.get(way)).headers["location"] == "dashboard/"

    acting(tmp_path)(scenario)


@pytest.mark.parametrize("name", sorted(pages.FILES))
def test_no_page_has_what_its_policy_stops_or_makes_markup_of_words(name: str) -> None:
    text = (pages.FOLDER / name).read_text()
    if name.endswith(".html"):
        assert INLINE.search(text) is None
    assert MARKUP.search(text) is None
    for found in IMPORTED.finditer(text):
        assert (found[1] or found[2]) in pages.FILES
    assert not re.search(r"https?://(?!www\.w3\.org/)", text), "nothing comes from elsewhere"
