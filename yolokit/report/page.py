"""What a report says, as data. ``render.py`` makes HTML of it, and escapes all its text."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class Text(msgspec.Struct, frozen=True):
    """A paragraph; what stands in `backticks` is set as code."""

    text: str


Mood: TypeAlias = Literal["good", "neutral", "warning", "bad"]


class Verdict(msgspec.Struct, frozen=True):
    """The answer to the reader's first question, and what to try next."""

    mood: Mood
    headline: str
    text: str = ""
    next: tuple[str, ...] = ()


class Figure(msgspec.Struct, frozen=True):
    """One number that counts, set large; the note says what it is compared with."""

    label: str
    value: str
    note: str = ""


class Figures(msgspec.Struct, frozen=True):
    """A row of figures."""

    figures: tuple[Figure, ...]


class Table(msgspec.Struct, frozen=True):
    """Rows of text, each with a cell for each column; columns of numbers are aligned right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


class Picture(msgspec.Struct, frozen=True):
    """A picture, encoded as JPEG, with what it shows in words (``alt``)."""

    jpeg: bytes
    alt: str
    caption: str = ""


class Gallery(msgspec.Struct, frozen=True):
    """Pictures side by side; large ones where what is drawn on them is to be read."""

    pictures: tuple[Picture, ...]
    is_large: bool = False


class Legend(msgspec.Struct, frozen=True):
    """What the colours of pictures stand for: names, each with its red, green and blue."""

    entries: tuple[tuple[str, tuple[int, int, int]], ...]


class Commands(msgspec.Struct, frozen=True):
    """Commands to run next, each with what it does."""

    commands: tuple[tuple[str, str], ...]


class Chart(msgspec.Struct, frozen=True):
    """A chart of ``charts.py``.

    Attributes:
        svg: One `<svg>` element; empty where there is nothing to draw.
        title: Its heading.
        summary: The chart in a sentence: shown below it, and what a screen reader says.
        table: The same in numbers, folded.
    """

    svg: str
    title: str
    summary: str
    table: Table | None = None


class Details(msgspec.Struct, frozen=True):
    """Blocks that are folded under a summary."""

    summary: str
    blocks: tuple[Block, ...]


class Part(msgspec.Struct, frozen=True):
    """Blocks under a smaller heading, with a sign of their mood and a note beside it."""

    title: str
    blocks: tuple[Block, ...]
    mood: Mood | None = None
    note: str = ""


Block: TypeAlias = (
    Text | Verdict | Figures | Table | Gallery | Legend | Commands | Chart | Details | Part
)


class Section(msgspec.Struct, frozen=True):
    """A part of a page under a heading of its own."""

    title: str
    blocks: tuple[Block, ...]


class Page(msgspec.Struct, frozen=True):
    """A report.

    Attributes:
        title: What it reports on.
        lead: One sentence below the title.
        sections: Its parts, in the order of reading.
        facts: Small print at the end, such as versions: name and value.
        made_by: The command that makes such pages, and its version; it is named at the end, and
            in the head of the file, so that a page is recognised (``render.is_made_by``).
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = ()
    made_by: str = ""
