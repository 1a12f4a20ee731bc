"""A page as one HTML file that loads nothing: no script, no font, no address."""

from __future__ import annotations

import base64
import re
from itertools import count
from typing import TYPE_CHECKING, Any

from yolokit.report.markup import element, escape
from yolokit.report.page import (
    Chart,
    Commands,
    Details,
    Figures,
    Gallery,
    Legend,
    Part,
    Table,
    Text,
    Verdict,
)
from yolokit.report.style import stylesheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from yolokit.report.page import Block, Figure, Page, Picture, Section

_HEAD_BYTES = 1024
# Even if something of the data got through, a browser would load and run nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SECTIONS_WITHOUT_CONTENTS = 3
_RING = "M12 2a10 10 0 1 0 0 20 10 10 0 1 0 0-20z"
# What a mood is called for those who do not see its colour, and its sign.
_MOODS = {
    "good": ("All well", f"{_RING}M17 9l-6.5 7L7 12.5"),
    "neutral": ("Note", f"{_RING}M12 11v5.5M12 7.5v.01"),
    "warning": ("Warning", "M12 3 22.4 21H1.6zM12 10v5M12 18v.01"),
    "bad": ("Problem", f"{_RING}M8 8l8 8M16 8l-8 8"),
}
_NUMBER = re.compile(r"[-+±<>~]?\d[\d,.]*(e[-+]?\d+)?[MG]?(%| [a-zA-Z/]{1,9}( \d\d [a-z]+)?)?")
_NOTHING = ("", "-")
_LONG_CELL = 24


def render_page(page: Page) -> str:
    """Return a page as a whole HTML document; all its text is escaped."""
    head = element(
        "head",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta name="generator" content="{escape(page.made_by)}">' if page.made_by else "",
        element("title", escape(page.title)),
        element("style", stylesheet()),
    )
    body = element(
        "body",
        element("a", "Skip to the report", class_="skip", href="#report"),
        element("header", element("h1", escape(page.title)), element("p", set_text(page.lead))),
        _render_contents(page.sections),
        element(
            "main",
            *(_render_section(number, each) for number, each in enumerate(page.sections, 1)),
            id="report",
        ),
        _render_facts((*page.facts, *((("made by", page.made_by),) if page.made_by else ()))),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def is_made_by(path: Path, command: str) -> bool:
    """Tell from its first kilobyte whether a file is a page that a command has made."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    start = re.escape(f'<meta name="generator" content="{escape(command)}'.encode())
    return re.search(start + rb" \d", head) is not None


def _render_contents(sections: tuple[Section, ...]) -> str:
    if len(sections) <= _SECTIONS_WITHOUT_CONTENTS:
        return ""
    links = (
        element("li", element("a", escape(section.title), href=f"#section-{number}"))
        for number, section in enumerate(sections, 1)
    )
    return element("nav", element("ol", *links), aria_label="Contents")


def _render_section(number: int, section: Section) -> str:
    heading = element("h2", escape(section.title), id=f"section-{number}")
    blocks = map(render_block, section.blocks)
    return element("section", heading, *blocks, aria_labelledby=f"section-{number}")


def _render_facts(facts: tuple[tuple[str, str], ...]) -> str:
    rows = (
        element("div", element("dt", escape(name)), element("dd", set_text(value)))
        for name, value in facts
    )
    return element("footer", element("dl", *rows)) if facts else ""


def render_block(block: Block) -> str:
    """Return one block as HTML."""
    return _RENDERERS[type(block)](block)


def set_text(text: str) -> str:
    """Return escaped text in which `backticks` are code."""
    parts = zip(text.split("`"), count(), strict=False)
    if text.count("`") % 2:
        return escape(text)
    return "".join(element("code", escape(part)) if i % 2 else escape(part) for part, i in parts)


def _render_verdict(verdict: Verdict) -> str:
    name, sign = _MOODS[verdict.mood]
    mood = element("span", f"{name}: ", class_="unseen")
    headline = element("span", mood, set_text(verdict.headline))
    steps = [element("li", set_text(step)) for step in verdict.next]
    return element(
        "div",
        element("p", _draw_sign(sign), headline, class_="headline"),
        element("p", set_text(verdict.text)) if verdict.text else "",
        element("ul", *steps) if steps else "",
        class_=f"verdict {verdict.mood}",
    )


def _draw_sign(sign: str) -> str:
    return element("svg", element("path", d=sign), viewBox="0 0 24 24", aria_hidden="true")


def _render_part(part: Part) -> str:
    note = element("span", set_text(part.note), class_="note") if part.note else ""
    title = element("span", set_text(part.title))
    blocks = map(render_block, part.blocks)
    if part.mood is None:
        return element("section", element("h3", title, note), *blocks, class_="part")
    name, sign = _MOODS[part.mood]
    mood = element("span", f"{name}: ", class_="unseen")
    heading = element("h3", _draw_sign(sign), mood, title, note)
    return element("section", heading, *blocks, class_=f"part {part.mood}")


def _render_figure(figure: Figure) -> str:
    note = element("dd", set_text(figure.note), class_="note") if figure.note else ""
    return element(
        "div",
        element("dt", escape(figure.label)),
        element("dd", escape(figure.value), class_="value"),
        note,
    )


def render_table(table: Table) -> str:
    """Return a table in a box of its own that scrolls sideways where it is narrow."""
    if not table.rows:
        return element("p", f"{set_text(table.caption or ', '.join(table.columns))}: none.")
    kinds = [_tell_kind(column) for column in zip(*table.rows, strict=True)]
    head = (
        element("th", escape(name), scope="col", class_=kind)
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = (element("tr", *_iter_cells(row, kinds)) for row in table.rows)
    words = element("span", set_text(table.caption))
    caption = element("caption", words) if table.caption else ""
    whole = element(
        "table", caption, element("thead", element("tr", *head)), element("tbody", *rows)
    )
    label = table.caption or ", ".join(table.columns)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label)


def _iter_cells(row: tuple[str, ...], kinds: list[str | None]) -> Iterator[str]:
    """Yield the cells of a row, the first of which names it."""
    for index, (cell, kind) in enumerate(zip(row, kinds, strict=True)):
        if index == 0:
            yield element("th", escape(cell), scope="row", class_=kind)
        else:
            yield element("td", escape(cell), class_=kind)


def _tell_kind(column: tuple[str, ...]) -> str | None:
    """Return `number` for a column of nothing but numbers, `long` where a cell is a sentence."""
    stated = [cell for cell in column if cell not in _NOTHING]
    if stated and all(_NUMBER.fullmatch(cell) for cell in stated):
        return "number"
    return "long" if max(map(len, column)) > _LONG_CELL else None


def _render_picture(picture: Picture) -> str:
    data = base64.b64encode(picture.jpeg).decode("ascii")
    image = f'<img src="data:image/jpeg;base64,{data}" alt="{escape(picture.alt)}">'
    caption = element("figcaption", set_text(picture.caption)) if picture.caption else ""
    return element("figure", image, caption)


def _render_commands(commands: Commands) -> str:
    rows = (
        element("div", element("dt", element("code", escape(line))), element("dd", set_text(what)))
        for line, what in commands.commands
    )
    return element("dl", *rows, class_="commands")


def _render_chart(chart: Chart) -> str:
    table = chart.table
    numbers = (
        element("details", element("summary", "The same in numbers"), render_table(table))
        if table is not None and table.rows
        else ""
    )
    return element(
        "figure",
        element("h3", escape(chart.title)),
        chart.svg,
        element("figcaption", set_text(chart.summary)),
        numbers,
        class_="chart",
    )


def _render_text(text: Text) -> str:
    return element("p", set_text(text.text))


def _render_figures(figures: Figures) -> str:
    return element("dl", *map(_render_figure, figures.figures), class_="figures")


def _render_gallery(gallery: Gallery) -> str:
    kind = "gallery large" if gallery.is_large else "gallery"
    pictures = map(_render_picture, gallery.pictures)
    return element("div", *pictures, class_=kind) if gallery.pictures else ""


def _render_legend(legend: Legend) -> str:
    entries = (
        element("li", element("span", style=f"background:rgb{color}"), escape(name))
        for name, color in legend.entries
    )
    return element("ul", *entries, class_="legend") if legend.entries else ""


def _render_details(details: Details) -> str:
    summary = element("summary", set_text(details.summary))
    return element("details", summary, *map(render_block, details.blocks))


_RENDERERS: Mapping[type[Block], Callable[[Any], str]] = {
    Text: _render_text,
    Verdict: _render_verdict,
    Figures: _render_figures,
    Table: render_table,
    Gallery: _render_gallery,
    Legend: _render_legend,
    Commands: _render_commands,
    Chart: _render_chart,
    Details: _render_details,
    Part: _render_part,
}
