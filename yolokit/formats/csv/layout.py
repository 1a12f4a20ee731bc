"""Which column of a CSV file holds what, by its header or by the cells themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from yolokit.formats.toolkit.box_evidence import BoxEncoding
from yolokit.images.listing import is_image_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_IMAGE = (
    *("filename", "file", "imagefilename", "imagename", "imagepath", "imagefile", "image"),
    *("imageid", "filepath", "path", "img", "imgname", "imgpath", "imgid", "fname", "frame"),
    *("patientid",),
)
_LABEL = (
    *("class", "classname", "label", "labelname", "category", "categoryname", "labels"),
    *("object", "objectname", "objectclass", "name", "type", "species", "tag", "target"),
    *("classid", "labelid", "categoryid"),
)
_SPLIT = ("split", "subset", "set")
_WIDTH = ("imagewidth", "imgwidth", "imwidth", "width")
_HEIGHT = ("imageheight", "imgheight", "imheight", "height")
_LOW_X = ("xmin", "x0", "x1", "minx", "left")
_LOW_Y = ("ymin", "y0", "y1", "miny", "top")
_HIGH_X = ("xmax", "x2", "maxx", "right", "x1")
_HIGH_Y = ("ymax", "y2", "maxy", "bottom", "y1")
_CENTER_X = ("cx", "xcenter", "centerx", "xcentre", "centrex", "xc")
_CENTER_Y = ("cy", "ycenter", "centery", "ycentre", "centrey", "yc")
_BOX_WIDTH = ("w", "boxwidth", "bw", "width")
_BOX_HEIGHT = ("h", "boxheight", "bh", "height")
_WHOLE = ("bbox", "box", "boundingbox")
_ENCODINGS: tuple[tuple[BoxEncoding, tuple[tuple[str, ...], ...]], ...] = (
    ("xyxy", (_LOW_X, _LOW_Y, _HIGH_X, _HIGH_Y)),
    ("cxcywh", (_CENTER_X, _CENTER_Y, _BOX_WIDTH, _BOX_HEIGHT)),
    ("xywh", (("x", *_LOW_X), ("y", *_LOW_Y), _BOX_WIDTH, _BOX_HEIGHT)),
)
_BLANK = frozenset({"", "nan", "null", "none", "na", "n/a", "[]"})
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")


class Columns(msgspec.Struct, frozen=True):
    """The columns of a file, by their numbers from 0.

    Attributes:
        count: How many there are.
        image: The image's name.
        box: Its four numbers, or one column with all of them in brackets.
        label: The class, if there is one.
        size: Width and height of the image, if they are stated.
        split: The split, if it is stated.
        encoding: What the four numbers are by the header; None if it does not say.
        has_header: Whether the first row names the columns.
    """

    count: int
    image: int
    box: tuple[int, ...]
    label: int | None = None
    size: tuple[int, int] | None = None
    split: int | None = None
    encoding: BoxEncoding | None = None
    has_header: bool = True


def find_columns(rows: Sequence[Sequence[str]], *, decimal_comma: bool) -> Columns | None:
    """Find out what the columns of a file hold from its first rows; None if they are not boxes.

    Args:
        rows: The first of the file, none of them empty.
        decimal_comma: Whether a comma may be the decimal point.
    """
    if not rows:
        return None
    return _from_header(rows[0]) or _from_cells(rows, decimal_comma=decimal_comma)


def is_blank(cell: str) -> bool:
    """Tell whether a cell holds nothing, as various programs write that."""
    return cell.strip().lower() in _BLANK


def read_number(cell: str, *, decimal_comma: bool) -> float:
    """Return the number in a cell.

    Raises:
        ValueError: It holds none.
    """
    if _NUMBER.fullmatch(cell) is not None:
        return float(cell)
    if decimal_comma and _DECIMAL_COMMA.fullmatch(cell) is not None:
        return float(cell.replace(",", "."))
    raise ValueError(f"{cell!r} is not a number")


def _from_header(header: Sequence[str]) -> Columns | None:
    keys: dict[str, int] = {}
    box_keys: dict[str, int] = {}  # of names such as bbox_x, which are surely the box's
    for at, cell in enumerate(header):
        key = re.sub(r"[^a-z0-9]", "", cell.lower())
        keys.setdefault(key, at)
        tail = re.sub(r"^(boundingbox|bbox|box|bb|roi)", "", key)
        if tail not in ("", key):
            box_keys.setdefault(tail, at)
    image = _first(keys, _IMAGE)
    encoding, box = _find_box(box_keys, keys)
    if image is None or not box:
        return None
    rest = {key: at for key, at in keys.items() if at not in (image, *box)}
    width, height = _first(rest, _WIDTH), _first(rest, _HEIGHT)
    return Columns(
        len(header),
        image,
        box,
        _first(rest, _LABEL),
        None if width is None or height is None else (width, height),
        _first(rest, _SPLIT),
        encoding,
    )


def _find_box(
    box_keys: dict[str, int], keys: dict[str, int]
) -> tuple[BoxEncoding | None, tuple[int, ...]]:
    for encoding, names in _ENCODINGS:
        found = [_first(box_keys, some) for some in names]
        found = [
            _first(keys, some) if at is None else at for at, some in zip(found, names, strict=True)
        ]
        box = tuple(at for at in found if at is not None)
        if len(set(box)) == 4:
            return encoding, box
    whole = _first(keys, _WHOLE)
    return None, () if whole is None else (whole,)


def _first(keys: dict[str, int], names: Sequence[str]) -> int | None:
    return next((keys[name] for name in names if name in keys), None)


def _from_cells(rows: Sequence[Sequence[str]], *, decimal_comma: bool) -> Columns | None:
    """Recognise the layouts without a header by most of the first rows."""
    for columns in (_RETINANET, _MAKE_SENSE, _SKU110K):
        fits = sum(_fits(row, columns, decimal_comma=decimal_comma) for row in rows)
        if fits * 2 > len(rows):
            return columns
    return None


def _fits(row: Sequence[str], columns: Columns, *, decimal_comma: bool) -> bool:
    if len(row) != columns.count or not is_image_name(row[columns.image].strip()):
        return False
    cells = [row[at] for at in (*columns.box, *(columns.size or ()))]
    try:
        for cell in cells:
            read_number(cell, decimal_comma=decimal_comma)
    except ValueError:
        return all(is_blank(cell) for cell in cells)
    return True


_RETINANET = Columns(6, 0, (1, 2, 3, 4), 5, has_header=False)
_MAKE_SENSE = Columns(8, 5, (1, 2, 3, 4), 0, (6, 7), None, "xywh", has_header=False)
_SKU110K = Columns(8, 0, (1, 2, 3, 4), 5, (6, 7), None, "xyxy", has_header=False)
