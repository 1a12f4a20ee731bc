"""A page is one file of HTML: whole, escaped, in order, and it loads nothing."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from yolokit.report.charts import Series, line_chart
from yolokit.report.page import (
    Commands,
    Details,
    Figure,
    Figures,
    Gallery,
    Legend,
    Page,
    Part,
    Picture,
    Section,
    Table,
    Text,
    Verdict,
)
from yolokit.report.render import is_made_by, render_block, render_page

VOID = ("meta", "img")
EVIL = "</title><script>alert(\"1\")</script><img src=x onerror='alert(2)'>\x1b[0m\u202e\udce9`"


def page_of(text: str) -> Page:
    """Return a page with every block, in which each text is the same."""
    chart = line_chart(text, [Series(text, (1, 2), (3, 4))], x_label=text, y_label=text)
    blocks = (
        Text(text),
        Verdict("warning", text, text, (text,)),
        Figures((Figure(text, text, text),)),
        Table((text, "count"), ((text, "1"), (text, "-")), text),
        Gallery((Picture(b"\xff\xd8", text, text),)),
        Legend(((text, (1, 2, 3)),)),
        Commands(((text, text),)),
        chart,
        Details(text, (Text(text), chart)),
        Part(text, (Text(text),), "bad", text),
    )
    sections = tuple(Section(f"{text} {number}", blocks) for number in range(4))
    return Page(text, text, sections, ((text, text),), f"{text} 0.1.0")


class Outline(HTMLParser):
    """What a browser would make of a page: elements, their attributes, what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("text", ["plain", EVIL])
def test_the_markup_is_the_same_whatever_the_text(text: str) -> None:
    outline = Outline(render_page(page_of(text)))
    assert outline.open == []
    expected = Outline(render_page(page_of("other")))
    assert [tag for tag, _ in outline.elements] == [tag for tag, _ in expected.elements]
    assert {key for _, each in outline.elements for key in each} == {
        key for _, each in expected.elements for key in each
    }
    assert "script" not in {tag for tag, _ in outline.elements}


def test_no_character_can_mislead_or_break_the_file() -> None:
    text = render_page(page_of(EVIL))
    assert text.encode("utf-8")
    assert not re.search("[\x00-\x08\x1b\u202e\udce9]", text)
    assert "\\x1b[0m\\u202e\\udce9" in text


def test_nothing_is_loaded() -> None:
    text = render_page(page_of("plain"))
    assert "//" not in re.sub(r"base64,[A-Za-z0-9+/=]*", "", text)
    assert "url(" not in text
    policy = Outline(text).named("meta")[2]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_a_reader_without_eyes_finds_the_way() -> None:
    outline = Outline(render_page(page_of("plain")))
    tags = [tag for tag, _ in outline.elements]
    assert outline.named("html") == [{"lang": "en"}]
    assert all(tags.count(landmark) == 1 for landmark in ("h1", "header", "nav", "main", "footer"))
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [each["id"] for _, each in outline.elements if "id" in each]
    assert len(ids) == len(set(ids))
    links = [each["href"] for each in outline.named("a")]
    assert links[0] == "#report"
    assert {f"#{each}" for each in ids} == set(links)
    assert all(each["alt"] for each in outline.named("img"))
    assert {each["scope"] for each in outline.named("th")} == {"col", "row"}
    assert all(each.get("role") == "img" or each["aria-hidden"] for each in outline.named("svg"))


def test_a_short_page_has_no_contents() -> None:
    page = Page("t", "l", tuple(Section(str(i), ()) for i in range(3)))
    assert "<nav" not in render_page(page)
    assert "<footer" not in render_page(page)


def test_a_page_says_what_has_made_it(tmp_path: Path) -> None:
    text = render_page(Page("t" * 5000, "l", (), made_by="yolokit data check 0.1.0"))
    assert "<dt>made by</dt><dd>yolokit data check 0.1.0</dd>" in text
    path = tmp_path / "page.html"
    path.write_text(text, "utf-8")
    assert is_made_by(path, "yolokit data check")
    assert not is_made_by(path, "yolokit data")
    path.write_text("yolokit data check 0.1.0", "utf-8")
    assert not is_made_by(path, "yolokit data check")


@pytest.mark.parametrize("mood", ["good", "neutral", "warning", "bad"])
def test_a_mood_is_said_and_not_only_coloured(mood: str) -> None:
    word = {"good": "All well", "neutral": "Note", "warning": "Warning", "bad": "Problem"}[mood]
    assert f"{word}: </span>it" in render_block(Verdict(mood, "it"))  # type: ignore[arg-type]


def test_backticks_are_code_if_they_are_paired() -> None:
    assert render_block(Text("run `a <b>` now")) == "<p>run <code>a &lt;b&gt;</code> now</p>"
    assert render_block(Text("a ` b")) == "<p>a ` b</p>"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("1", "-", "2,300"), "number"),
        (("0.5", "<1%", "1e-7"), "number"),
        (("640 px", "1.5 MB", "3.4M"), "number"),
        (("1 h 05 min", "59 s", "54 images/s"), "number"),
        (("1", "two", "3"), None),
        (("-", "-", ""), None),
        (("2007_000027.jpg", "2", "3"), None),
        (("a sentence that is rather long", "1", "2"), "long"),
    ],
)
def test_columns_of_numbers_are_aligned_right(cells: tuple[str, ...], kind: str | None) -> None:
    rows = tuple(("row", cell) for cell in cells)
    outline = Outline(render_block(Table(("name", "value"), rows)))
    assert [each.get("class") for each in outline.named("td")] == [kind] * 3


def test_an_empty_table_is_a_sentence() -> None:
    assert render_block(Table(("a",), (), "Findings")) == "<p>Findings: none.</p>"
    assert render_block(Gallery(())) == ""
    assert render_block(Legend(())) == ""


def test_a_legend_has_the_colours_of_pictures() -> None:
    assert "rgb(250, 20, 3)" in render_block(Legend((("cat", (250, 20, 3)),)))


def test_a_large_gallery_is_told_apart() -> None:
    picture = (Picture(b"\xff\xd8", "a cat"),)
    assert 'class="gallery"' in render_block(Gallery(picture))
    assert 'class="gallery large"' in render_block(Gallery(picture, is_large=True))
