"""report.json says exactly what its readers were promised; report.html needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from requester_samples import ANN, BEN, CLEO, DOLLAR, order, outcome
from tegula import report, report_page
from tegula.outcome import Outcome
from tegula_market import tiling
from tegula_market.model import InvalidValue, Rect


@pytest.fixture
def ended(tmp_path: Path) -> Outcome:
    return outcome(tmp_path)


def test_the_keys_are_those_that_were_promised(ended: Outcome) -> None:
    told = report.as_json(ended)
    assert set(told) == {
        "job", "escrow", "terms", "frames", "tiles", "asks", "clearing_price", "payments", "refund",
        "seconds",
    }  # fmt: skip
    assert set(told["frames"][0]) == {"number", "width", "height", "exr", "png"}
    assert set(told["tiles"][0]) == {
        "frame", "x0", "y0", "x1", "y1", "worker", "price", "attempt", "render_seconds", "verdict",
    }  # fmt: skip
    assert set(told["tiles"][0]["verdict"]) == {
        "outcome", "statistic", "threshold", "probe_pixels", "probe_seconds",
    }  # fmt: skip
    assert set(told["payments"][0]) == {"worker", "amount", "tx"}


def test_the_deposit_is_found_again_in_a_report(ended: Outcome, tmp_path: Path) -> None:
    report.write(ended, tmp_path)
    assert report.deposit_of(tmp_path / "report.json") == (ended.escrow, ended.order.terms)
    with pytest.raises(InvalidValue, match=r"is not the report\.json of a job"):
        report.deposit_of(tmp_path / "report.html")


def test_amounts_are_decimal_strings_and_add_up(ended: Outcome) -> None:
    told = report.as_json(ended)
    amounts = [t["price"] for t in told["tiles"]] + [p["amount"] for p in told["payments"]]
    amounts += [told["refund"], told["clearing_price"], *(ask["price"] for ask in told["asks"])]
    assert all(re.fullmatch("[0-9]+", amount) for amount in amounts)
    paid = sum(int(payment["amount"]) for payment in told["payments"])
    assert paid == sum(int(tile["price"]) for tile in told["tiles"])
    assert paid + int(told["refund"]) == ended.funded


def test_tiles_cover_the_frame_and_the_accepted_verdict_counts(ended: Outcome) -> None:
    told = report.as_json(ended)
    rects = [Rect(*(tile[key] for key in ("x0", "y0", "x1", "y1"))) for tile in told["tiles"]]
    assert rects == [tile.rect for tile in tiling.split(ended.order)]
    third = told["tiles"][3]
    assert (third["attempt"], third["verdict"]["outcome"], third["worker"]) == (
        2, "ACCEPTED", "0x" + BEN.hex(),
    )  # fmt: skip


def test_a_claim_that_has_not_come_is_told_as_such(ended: Outcome, tmp_path: Path) -> None:
    assert [p["tx"] for p in report.as_json(ended)["payments"]] == ["0x" + "09" * 32, None]
    report.write(ended, tmp_path)
    assert "not claimed yet" in (tmp_path / "report.html").read_text()


class Page(HTMLParser):
    """What a browser would load, draw and say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.rects: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("img", "script", "link", "iframe", "source"):
            self.loads.append(named.get("src") or named.get("href") or "")
        if tag == "rect":
            self.rects.append(named)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def page(ended: Outcome, folder: Path) -> Page:
    report.write(ended, folder)
    return Page((folder / "report.html").read_text())


def test_the_page_needs_nothing_but_itself(ended: Outcome, tmp_path: Path) -> None:
    shown = page(ended, tmp_path)
    assert len(shown.loads) == 1
    assert shown.loads[0].startswith("data:image/png;base64,")
    assert "http" not in (tmp_path / "report.html").read_text()


def test_the_page_shows_every_tile_ask_verdict_and_payment(ended: Outcome, tmp_path: Path) -> None:
    shown = page(ended, tmp_path)
    assert len(shown.rects) == len(ended.tiles)
    assert {rect["class"] for rect in shown.rects} == {"k0", "k1", "k1 again"}
    for worker in (ANN, BEN, CLEO):
        assert report_page.short(worker) in shown.words
    text = " ".join(shown.words)
    assert "rejected" in text
    assert "above the ceiling" in text
    assert "0x" + "09" * 32 in text  # a claim
    assert "0x" + "06" * 32 in text  # the refund
    assert DOLLAR.text(ended.refund) in text


def test_names_from_outside_are_text(ended: Outcome, tmp_path: Path) -> None:
    evil = replace(ended, scene="<script>alert(1)</script>.blend")
    shown = page(evil, tmp_path)
    assert "<script" not in (tmp_path / "report.html").read_text()
    assert "<script>alert(1)</script>.blend" in shown.words


def test_a_cropped_region_is_drawn_from_its_own_corner(tmp_path: Path) -> None:
    whole = order()
    region = Rect(32, 16, 96, 48)
    cropped = replace(whole, scene=replace(whole.scene, region=region, crop=True))
    ended = outcome(tmp_path, cropped)
    tiles = report_page.context(ended, tmp_path)["frames"][0]["tiles"]
    assert tiles[0]["rect"] == Rect(0, 0, 32, 32)


def test_frames_beyond_a_phones_memory_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = outcome(tmp_path, order(frames=(1, 2)))
    monkeypatch.setattr(report_page, "MOST_EMBEDDED", (tmp_path / "frame_0001.png").stat().st_size)
    assert page(ended, tmp_path).loads[1:] == ["frame_0002.png"]


def test_nothing_half_written_stays(ended: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    before = set(tmp_path.iterdir())
    with pytest.raises(OSError, match="no space"):
        report.write(ended, tmp_path)
    assert set(tmp_path.iterdir()) == before
