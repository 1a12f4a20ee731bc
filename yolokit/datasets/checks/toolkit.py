"""What several checks share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.core.types import Bool
from yolokit.datasets.duplicates import Duplicates
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.label_table import LabelTable
from yolokit.labels.ledger import LedgerEntry

SLACK = 0.01  # of the image: ultralytics lets boxes stick out by so much
_NAMES_SHOWN = 3
_FEWEST_IMAGES = 10


def at_row(
    facts: DatasetFacts, code: str, row: int, message: str, hint: str | None = None
) -> Finding:
    """Return a finding about one label, at its place in its file."""
    table = facts.table
    image, place = int(table.image_of[row]), int(table.lines[row])
    by_line = table.counts == "line"
    return Finding(
        code,
        message,
        Path(table.images.label_files[image]),
        hint,
        line=place if by_line else None,
        index=None if by_line else place,
        image=table.images.paths[image] or None,
        row=row,
    )


def at_image(
    facts: DatasetFacts, code: str, image: int, message: str, hint: str | None = None
) -> Finding:
    """Return a finding about one image, at its file, or at that of its labels."""
    images = facts.table.images
    path = images.paths[image]
    return Finding(code, message, Path(path or images.label_files[image]), hint, image=path or None)


def name_place(table: LabelTable, row: int) -> str:
    """Return what a place in a label file is called: ``line 3``, or ``annotation 12``."""
    word = "line" if table.counts == "line" else "annotation"
    return f"{word} {table.lines[row]}"


def name_class(table: LabelTable, row: int) -> str:
    """Return the name of the class of a label."""
    return table.names[int(table.class_ids[row])]


def has_area(table: LabelTable) -> Bool:
    """(R,) bool: which boxes have an area."""
    x1, y1, x2, y2 = table.xyxy.T
    found: Bool = (x2 > x1) & (y2 > y1)
    return found


def shows_in_image(table: LabelTable) -> Bool:
    """(R,) bool: of which boxes any part lies in the image."""
    x1, y1, x2, y2 = table.xyxy.T
    found: Bool = (x1 < 1) & (y1 < 1) & (x2 > 0) & (y2 > 0)
    return found


def is_refused(facts: DatasetFacts) -> Bool:
    """(R,) bool: which boxes training refuses, so that nothing else needs to be said of them.

    Source: ultralytics ``data/utils.py:verify_image_label``.
    """
    x1, y1, x2, y2 = facts.table.xyxy.T
    if facts.purpose == "source":
        none: Bool = x1 != x1  # noqa: PLR0124 - a column of False
        return none
    sides, centers = (x2 - x1, y2 - y1), ((x1 + x2) / 2, (y1 + y2) / 2)
    refused: Bool = (sides[0] < 0) | (sides[1] < 0)
    for value in (*sides, *centers):
        refused |= (value > 1 + SLACK) | (value < -SLACK)
    return refused


def find_no_boxes(
    facts: DatasetFacts, name: str, code: str, consequence: str, hint: str
) -> Iterator[Finding]:
    """Yield a finding if a split has images and no box; the consequence ends its sentence.

    Where rows are wrong, or train has no label file, that is told already.
    """
    split = facts.splits.get(name)
    if split is None or split.counts.boxes or not split.used or split.faults:
        return
    if split.has_no_label_file and name == "train":
        return
    message = f"{name} has no box in its {counted(len(split.used), 'image')}: {consequence}"
    if split.has_no_label_file:
        message += f" (the first label file looked for is {split.missing[0]})"
        hint = split.hint_at_labels()
    yield Finding(code, message, facts.path, hint)


def name_pair(facts: DatasetFacts, image: int, other: int) -> str:
    """Return an example that ends a sentence about images that are alike: paths below the set."""
    root = Path.cwd() / (facts.path if facts.path.is_dir() else facts.path.parent)
    images = facts.table.images
    paths = [images.paths[at] or images.names[at] for at in (image, other)]
    names = [_below(root, path) for path in dict.fromkeys(paths)]
    return f", such as {' and '.join(names)}"


def _below(root: Path, path: str) -> str:
    """Return a path as seen from a folder that holds it, else as it is."""
    return os.fspath(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def at_least(found: Duplicates) -> str:
    """Return what begins a number of pictures that are alike, where not all were compared."""
    return "" if found.near.is_complete else "at least "


def call_split(name: str) -> str:
    """Return what a sentence calls a split: its name, or the set where nothing is split."""
    return name or "the set"


def learnt_split(facts: DatasetFacts) -> str | None:
    """Return the split that is learnt from, which is all of a set that has none.

    None where there is none, or one of a few images, which is there to try things out.
    """
    splits = facts.statistics.splits
    name = next((name for name in ("train", "") if name in splits), None)
    return None if name is None or splits[name].images < _FEWEST_IMAGES else name


def list_few(texts: list[str]) -> str:
    """Return the first of some texts, and how many there are besides."""
    more = len(texts) - _NAMES_SHOWN
    return ", ".join(texts[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def of_entry(entry: LedgerEntry) -> Finding:
    """Return what an entry of the account of a source says."""
    return Finding(
        entry.code,
        entry.message,
        Path(entry.path),
        line=entry.line,
        index=entry.index,
        image=entry.image,
    )


def once_an_image(entries: Iterable[LedgerEntry], code: str) -> Iterator[tuple[LedgerEntry, int]]:
    """Yield entries of a code, the first of each image that was lost, with how many it has."""
    of_image: dict[tuple[str, str], list[LedgerEntry]] = {}
    for entry in entries:
        if entry.code == code and entry.image is None:
            yield entry, 1
        elif entry.code == code and entry.image is not None:
            of_image.setdefault((entry.path, entry.image), []).append(entry)
    for found in of_image.values():
        yield found[0], len(found)
