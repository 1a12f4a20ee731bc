"""Pages opened in Chromium: at two widths, in both modes, printed, and used with a keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, Tab, open_chromium
from yolokit.report.charts import Mark, Series, bar_chart, heat_map, histogram, line_chart
from yolokit.report.page import (
    Block,
    Commands,
    Details,
    Figure,
    Figures,
    Gallery,
    Legend,
    Page,
    Picture,
    Section,
    Table,
    Text,
    Verdict,
)
from yolokit.report.render import render_page

pytestmark = pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)

LONG = "a_name_that_has_no_place_to_break_it_and_is_longer_than_the_whole_telephone_is_wide"
WIDTHS_PX = (1200, 360)


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with open_chromium() as opened:
        yield opened


def charts(size: int) -> tuple[Block, ...]:
    names = [f"{LONG} {i}" for i in range(size)]
    x = tuple(float(i) for i in range(size))
    return (
        line_chart(LONG, [Series(name, x, x) for name in names], x_label=LONG, y_label="loss"),
        bar_chart(LONG, names, x, value_label="boxes"),
        histogram(
            LONG, [*x, size], [1] * size, x_label="px", y_label="boxes", mark=Mark(2, "2 px")
        ),
        heat_map(LONG, [x] * size, names, names, row_label="truth", column_label="found"),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every block, and names as long and as hostile as they come."""
    picture = Picture(cv2.imencode(".jpg", np.zeros((60, 80, 3)))[1].tobytes(), "black", LONG)
    table = Table(("file", "what", "count"), ((LONG, "a sentence of many words " * 9, "1"),) * 3)
    legend, large = Legend(((LONG, (255, 0, 0)),) * 9), Gallery((picture,) * 3, is_large=True)
    sections = (
        Section("Verdict", (Verdict("bad", LONG, f"`{LONG}`", (LONG,)), Text(LONG))),
        Section("Figures", (Figures(tuple(Figure(LONG, "1,234") for _ in range(5))),)),
        Section("<script>alert(1)</script>", (table, Gallery((picture,) * 5), legend, large)),
        Section("Small", charts(3)),
        Section("Large", charts(80)),
        Section("Next", (Commands(((f"yolokit train --data {LONG}", "trains"),)),)),
        Section("Folded", (Details("more", (Text("what is folded"), table)),)),
    )
    file = tmp_path_factory.mktemp("report") / "page.html"
    file.write_text(render_page(Page(LONG, LONG, sections, (("data", LONG),))), "utf-8")
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_the_page_is_whole(tab: Tab, page: Path, width_px: int, dark: bool) -> None:
    tab.open(page, width_px, dark=dark)
    png = cv2.imdecode(np.frombuffer(tab.photograph(), np.uint8), cv2.IMREAD_COLOR)
    assert tab.console == []
    assert tab.requested_urls() == [page.as_uri()]
    assert png is not None
    assert png.shape[1] == width_px, "the page does not scroll sideways"
    assert tab.evaluate("document.documentElement.scrollWidth") == width_px
    assert (png[5, 5].mean() < 60) == dark
    assert png.shape[0] > 3000


def test_boxes_that_are_too_wide_scroll_by_themselves(tab: Tab, page: Path) -> None:
    tab.open(page, 360)
    widths = tab.evaluate(
        "[...document.querySelectorAll('main > section > .scroll')]"
        ".map(box => [box.scrollWidth, box.clientWidth])"
    )
    assert widths
    assert all(inner > outer for inner, outer in widths)


def test_text_in_charts_is_readable_on_a_phone(tab: Tab, page: Path) -> None:
    tab.open(page, 360)
    heights_px = tab.evaluate(
        "[...document.querySelectorAll('.chart text')].map(text =>"
        " parseFloat(getComputedStyle(text).fontSize)"
        " * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b))"  # some are turned
    )
    assert heights_px
    assert min(heights_px) >= 9


def test_the_skip_link_and_the_contents_come_first(tab: Tab, page: Path) -> None:
    tab.open(page, 1200)
    seen = []
    for _ in range(3):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
        seen.append(
            tab.evaluate(
                "[document.activeElement.getAttribute('href'),"
                " getComputedStyle(document.activeElement).outlineStyle,"
                " document.activeElement.getBoundingClientRect().left >= 0]"
            )
        )
    assert seen == [[link, "solid", True] for link in ("#report", "#section-1", "#section-2")]


def test_what_is_folded_is_printed_on_white(tab: Tab, page: Path) -> None:
    tab.open(page, 760, dark=True)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    tab.call("Emulation.setEmulatedMedia", media="print", features=[dark])
    height_px = tab.evaluate("document.querySelector('details p').getBoundingClientRect().height")
    assert height_px > 0
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.print_pdf().startswith(b"%PDF")
    tab.call("Emulation.setEmulatedMedia", media="", features=[])


def test_the_accessibility_tree_names_what_is_there(tab: Tab, page: Path) -> None:
    tab.open(page, 1200)
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in nodes
        if not node.get("ignored")
    ]
    roles = [role for role, _ in named]
    assert all(role in roles for role in ("banner", "navigation", "main", "contentinfo"))
    assert roles.count("image") >= 8
    assert all(name for role, name in named if role in ("image", "link", "heading", "region"))


def test_the_console_tells_what_is_wrong(tab: Tab, tmp_path: Path) -> None:
    """What the tests above look at would show it: a page that breaks its own policy is told."""
    text = render_page(Page("t", "l", ()))
    bad = tmp_path / "page.html"
    bad.write_text(text.replace("<main", "<script>f()</script><img src=//x.invalid/y><main"))
    tab.open(bad, 360)
    assert len(tab.console) == 2
    assert all("Content Security Policy" in line for line in tab.console)
