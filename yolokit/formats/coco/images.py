"""Reads COCO's list of images; those of LVIS are named by where they were downloaded from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from yolokit.errors import DataError
from yolokit.labels.model import ImageRecord

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from yolokit.formats.coco.json import CocoImage
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile


def read_images(
    items: Sequence[CocoImage], split: str | None, source: SourceFile, ledger: Ledger
) -> tuple[list[ImageRecord], dict[Hashable, int]]:
    """Return a record for each file, and image id to position; a file listed twice is one.

    Args:
        items: The list ``images``.
        split: Of the file.
        source: The file.
        ledger: Gets a note on what is listed twice.

    Raises:
        DataError: An image has no name, or an id means two.
    """
    records: list[ImageRecord] = []
    positions: dict[Hashable, int] = {}
    by_name: dict[str, int] = {}
    for item in items:
        names = _names_of(item)
        if not names:
            raise DataError(
                f"the image with id {item.id} has no `file_name`, and no `coco_url` or "
                "`flickr_url` to take one from",
                path=source.path,
            )
        name = names[0]
        at = by_name.setdefault(name, len(records))
        if positions.setdefault(item.id, at) != at:
            other = records[positions[item.id]].file_name
            raise DataError(
                f"the image id {item.id} means both {other!r} and {name!r}", path=source.path
            )
        if at < len(records):
            message = f"{name} is listed more than once; its annotations were joined"
            ledger.note(source, None, "duplicate-image", message)
            continue
        width, height = item.width, item.height
        if width is None or height is None or width < 1 or height < 1:
            width = height = None
        records.append(ImageRecord(name, width, height, split, None, source, tuple(names[1:])))
    return records, positions


def _names_of(item: CocoImage) -> list[str]:
    """Return what an image may be called: its file name, else the end of its address.

    LVIS takes images of COCO's ``train2017`` and ``val2017`` alike, so the folder counts.
    """
    if item.file_name:
        return [item.file_name]
    for address in (item.coco_url, item.flickr_url):
        try:
            parts = [part for part in unquote(urlsplit(address or "").path).split("/") if part]
        except ValueError:  # no address
            continue
        if parts:
            return list(dict.fromkeys(("/".join(parts[-2:]), parts[-1])))
    return []


def describe_partly_labelled(items: Sequence[CocoImage]) -> Iterator[str]:
    """Say where a file states that not all objects of its images are labelled, as LVIS does."""
    partly = sum(bool(item.not_exhaustive_category_ids) for item in items)
    if partly or any(item.neg_category_ids for item in items):
        yield (
            "each image was searched for some of the classes only (neg_category_ids), and in "
            f"{partly} of {len(items)} not for all of their objects (not_exhaustive_category_ids): "
            "what has no label may still be there"
        )
