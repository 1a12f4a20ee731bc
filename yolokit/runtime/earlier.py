"""What a prediction writes, so that an earlier one is recognised among other folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.files.outputs import Held, Result
from yolokit.images.files import WRITE_SUFFIXES
from yolokit.runtime.sinks.jsonl import FILE_NAME as RECORDS

if TYPE_CHECKING:
    from pathlib import Path


class _Record(msgspec.Struct):
    """What is looked at of one record."""

    source: str
    index: int
    detections: msgspec.Raw
    error: str | None
    pts_s: float | None = None
    picture: str | None = None


def _recognise(folder: Path) -> list[Held] | None:
    """Return what the records in a folder say that was written there, or None without them."""
    path = folder / RECORDS
    if not path.is_file():
        return None
    decoder = msgspec.json.Decoder(_Record)
    try:
        with path.open("rb") as stream:
            records = [decoder.decode(line) for line in stream]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not records:
        return None
    named = frozenset(one.picture.lower() for one in records if one.picture is not None)
    pictures = [Held(names=named)] if named else _held_unnamed(records)
    return [Held((RECORDS,), 1), *pictures]


def _held_unnamed(records: list[_Record]) -> list[Held]:
    """Return how many pictures there can be where records of a former version name none."""
    shown = [one for one in records if one.error is None]
    videos = {one.source for one in shown if one.pts_s is not None}
    images = tuple(f"images/*{suffix}" for suffix in WRITE_SUFFIXES)
    return [Held(images, len(shown)), Held(("*.mp4",), len(videos))]


PREDICTED = Result(command="yolokit predict", recognise=_recognise, options="--name or --out")
