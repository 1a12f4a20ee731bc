"""What a converted data set looks like, so that an earlier one can be told from other folders."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.annotations.plugin import can_write, list_formats, load_format
from yolokit.core.outputs import Held, Result, read_object

if TYPE_CHECKING:
    from pathlib import Path

LEDGER_FILE = "ledger.jsonl"


class _Counts(msgspec.Struct):
    images: int


class _Head(msgspec.Struct):
    """What is looked at of the first line of a ledger."""

    to: str
    splits: dict[str, _Counts]
    totals: dict[str, Any]
    labels_only: bool = False


def recognise_set(folder: Path) -> list[Held] | None:
    """Return what the ledger in a folder says that was written there, or None without one."""
    try:
        head = msgspec.convert(read_object(folder / LEDGER_FILE, is_jsonl=True), _Head)
    except msgspec.ValidationError:
        return None
    if head.to not in list_formats() or not can_write(head.to):
        return None
    target = load_format(head.to)
    held = [Held((LEDGER_FILE,), 1)]
    images: dict[str, int] = {}
    for split, counts in head.splits.items():
        name = glob.escape(split)
        held.append(Held(tuple(text.format(split=name).lower() for text in target.WRITTEN)))
        place = target.IMAGE_FOLDER.format(split=name).lower()
        images[place] = images.get(place, 0) + (0 if head.labels_only else counts.images)
    return held + [Held((f"{place}/*",), most) for place, most in images.items()]


CONVERTED = Result(command="yolokit data convert", recognise=recognise_set)
