"""Rows of YOLO label files: ``class cx cy w h``, or ``class x1 y1 x2 y2 x3 y3 ...``.

The corners of a rotated box are a row of four points, and look like an outline of four. A pose is
a box followed by its keypoints. Coordinates are fractions of the image's width and height. A
row of six columns is ambiguous: the sixth may be a track id or a confidence, or the row a damaged
polygon.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.core.types import F32, F64, I64, Bool
from yolokit.errors import DataError
from yolokit.files.atomic import open_at_once
from yolokit.files.size_limits import check_size, refuse_pointer
from yolokit.labels.model import Annotations
from yolokit.labels.shapes import Shape

if TYPE_CHECKING:
    from pathlib import Path

# What nearly all files hold: read three times as fast as other rows, with the same result.
_PLAIN_BOXES = re.compile(rb"(?:[0-9]{1,9}(?: [0-9]\.[0-9]{1,20}){4}\n)+")

SIXTH = "sixth-column-left: its sixth column, a confidence or a track id, is left out"


class RowFault(msgspec.Struct, frozen=True):
    """A row that is not an annotation.

    Attributes:
        line: In its file, from 1.
        code: The reason as a fixed word.
        message: The reason for a person.
    """

    line: int
    code: str
    message: str


class LabelRows(msgspec.Struct, frozen=True, eq=False):
    """The rows of one label file.

    Attributes:
        class_ids: (N,) int64, as the file states them.
        cxcywh: (N, 4) float64, fractions of the image.
        lines: (N,) int64, the line of each row, from 1.
        columns: (N,) int64, how many columns each row has.
        tails: Row to what a longer one holds, as numbers: the points of its outline, or its
            keypoints.
        faults: Rows that could not be read; they are not among the N.
        content: The bytes of the file.
    """

    class_ids: I64
    cxcywh: F64
    lines: I64
    columns: I64
    tails: Mapping[int, Sequence[float] | F32] = MappingProxyType({})
    faults: tuple[RowFault, ...] = ()
    content: bytes = b""

    def digest(self) -> bytes:
        """Return the sha256 of the file, as hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest().encode()

    @property
    def row_count(self) -> int:
        """All rows, faulty ones too."""
        return len(self.class_ids) + len(self.faults)

    def take(self, chosen: Bool) -> LabelRows:
        """Return the rows that are chosen, (N,) bool."""
        new_rows = {old: new for new, old in enumerate(np.flatnonzero(chosen).tolist())}
        tails = {new_rows[row]: tail for row, tail in self.tails.items() if row in new_rows}
        return msgspec.structs.replace(
            self,
            class_ids=self.class_ids[chosen],
            cxcywh=self.cxcywh[chosen],
            lines=self.lines[chosen],
            columns=self.columns[chosen],
            tails=tails,
        )


class RowLayout(msgspec.Struct, frozen=True):
    """What the rows of a data set may be.

    Attributes:
        keypoint_shape: How many keypoints follow the box in a pose row, and of how many columns
            each is: 2, or 3 with visibility; None where there are none.
        take_sixth: Read rows of six columns as a box and leave the sixth aside.
    """

    keypoint_shape: tuple[int, int] | None = None
    take_sixth: bool = False

    @property
    def keypoint_columns(self) -> int:
        """How many columns follow the box in a pose row; 0 for none."""
        return self.keypoint_shape[0] * self.keypoint_shape[1] if self.keypoint_shape else 0


DETECT = RowLayout()


def label_path(image: str) -> str:
    """Return where ultralytics looks for an image's labels: the last ``images`` -> ``labels``.

    Source: ultralytics ``data/utils.py:img2label_paths``.
    """
    inner = f"{os.sep}images{os.sep}"
    stem = f"{os.sep}labels{os.sep}".join(image.rsplit(inner, 1))
    return os.path.splitext(stem)[0] + ".txt"  # noqa: PTH122 - hot path


def read_labels(path: str | Path, layout: RowLayout = DETECT) -> LabelRows | None:
    """Read one label file; None if there is none.

    Raises:
        DataError: It is there and cannot be read, is too large, or is not text.
    """
    data = read_label_bytes(path)
    if isinstance(data, RowFault):
        return msgspec.structs.replace(parse_labels(b"", path), faults=(data,))
    return None if data is None else parse_labels(data, path, layout)


def read_label_bytes(path: str | Path) -> bytes | RowFault | None:
    """Read the bytes of a label file; None if there is none, a fault where it is not a file.

    Raises:
        DataError: It is there and cannot be read, or is too large.
    """
    try:
        with open(path, "rb", buffering=0, opener=open_at_once) as stream:
            status = os.fstat(stream.fileno())
            check_size(path, status.st_size)
            if not stat.S_ISREG(status.st_mode):
                return RowFault(1, "not-a-file", "the labels are a pipe or a device, not a file")
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"cannot read the labels: {error.strerror}", path=path) from error


def parse_labels(data: bytes, path: str | Path, layout: RowLayout = DETECT) -> LabelRows:
    """Read the rows of a label file from its bytes.

    Raises:
        DataError: The bytes are not UTF-8 text, or a git-LFS pointer.
    """
    if _PLAIN_BOXES.fullmatch(data) is not None:
        table = np.array(data.split(), np.float64).reshape(-1, 5)
        lines = np.arange(1, len(table) + 1)
        columns = np.full(len(table), 5)
        return LabelRows(table[:, 0].astype(np.int64), table[:, 1:], lines, columns, content=data)
    return _parse_any(data, path, layout)


def _parse_any(data: bytes, path: str | Path, layout: RowLayout) -> LabelRows:
    refuse_pointer(data, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    rows: list[list[float]] = []
    lines: list[int] = []
    columns: list[int] = []
    tails: dict[int, list[float]] = {}
    faults: list[RowFault] = []
    for line, words in enumerate(map(str.split, re.split(r"\r\n|\r|\n", text)), 1):
        if not words:
            continue
        row = _read_row(words, line, layout)
        if isinstance(row, RowFault):
            faults.append(row)
        else:
            if len(words) > 6:
                tails[len(rows)] = row[5:]
            rows.append(row[:5])
            lines.append(line)
            columns.append(len(words))
    table = np.array(rows, np.float64).reshape(-1, 5)
    return LabelRows(
        table[:, 0].astype(np.int64),
        table[:, 1:],
        np.array(lines, np.int64),
        np.array(columns, np.int64),
        tails,
        tuple(faults),
        data,
    )


def _read_row(words: list[str], line: int, layout: RowLayout) -> list[float] | RowFault:
    """Return ``[class, cx, cy, w, h, *tail]`` or what is wrong."""
    count = len(words)
    try:
        values = [float(word) for word in words]
    except ValueError:
        return RowFault(line, "not-a-number", f"{shorten(' '.join(words))} are not all numbers")
    if not values[0].is_integer() or values[0] < 0:
        return RowFault(line, "bad-class", f"class {words[0]} is not a whole number from 0 on")
    if count == 5 or (layout.keypoint_columns and count == 5 + layout.keypoint_columns):
        row = values
    elif count == 6:
        if not layout.take_sixth:
            return RowFault(
                line,
                "six-columns",
                "6 columns are ambiguous: the last may be a track id or a confidence",
            )
        row = values[:5]
    elif count >= 7 and count % 2 == 1:
        row = [values[0], *_enclosing_box(values[1:]), *values[1:]]
    else:
        return RowFault(
            line,
            "column-count",
            f"{counted(count, 'column')}: neither a box (5) nor a polygon (7, 9, ...)",
        )
    if not all(-1e9 < value < 1e9 for value in row):
        return RowFault(
            line, "not-finite", f"{shorten(' '.join(words))} has a value that is not finite"
        )
    return row


def _enclosing_box(points: list[float]) -> tuple[float, float, float, float]:
    """Return the cxcywh of the box around ``x1 y1 x2 y2 ...``; NaN where a point is NaN."""
    if any(value != value for value in points):  # noqa: PLR0124 - only NaN is unequal to itself
        return (float("nan"),) * 4
    low_x, high_x = min(points[0::2]), max(points[0::2])
    low_y, high_y = min(points[1::2]), max(points[1::2])
    return (low_x + high_x) / 2, (low_y + high_y) / 2, high_x - low_x, high_y - low_y


def shorten(text: str) -> str:
    """Return a text for a message, quoted, its end left out if it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def is_polygon(columns: I64, layout: RowLayout) -> Bool:
    """Return (N,) bool: which rows were polygons."""
    result: Bool = columns >= 7
    if layout.keypoint_columns:
        result &= columns != 5 + layout.keypoint_columns
    return result


def to_annotations(
    rows: LabelRows,
    category_indices: I64,
    image_wh: tuple[int, int],
    layout: RowLayout,
    task: Task = Task.DETECT,
) -> Annotations:
    """Bring N rows, each of the (N,) int64 categories, into pixels.

    The task says whether a row of four points is a rotated box or an outline.
    """
    wh = np.array(image_wh, np.float64)
    polygons = is_polygon(rows.columns, layout)
    changes = {}
    if layout.take_sixth:
        changes = dict.fromkeys(np.flatnonzero(rows.columns == 6).tolist(), SIXTH)
    shapes = {}
    for row in np.flatnonzero(polygons).tolist():
        ring = np.array(rows.tails[row], np.float64).reshape(-1, 2) * wh
        shapes[row] = Shape(
            (ring,), "rotated" if task == Task.OBB and len(ring) == 4 else "polygon"
        )
    keypoints = None
    if layout.keypoint_shape is not None:
        keypoints = _to_keypoints(rows, polygons, wh, layout.keypoint_shape)
    boxes = cxcywh_to_xyxy(rows.cxcywh) * np.tile(wh, 2)
    return Annotations(category_indices, boxes, rows.lines, changes, shapes, keypoints)


def _to_keypoints(rows: LabelRows, polygons: Bool, wh: F64, shape: tuple[int, int]) -> F64:
    """Return (N, K, 3) keypoints in px; those of a row without any are not labelled.

    With two columns a keypoint, one at 0, 0 is not labelled.

    Source: ultralytics ``data/dataset.py`` and ``utils/instance.py``.
    """
    count, dims = shape
    found = np.zeros((len(rows.class_ids), count, 3), np.float64)
    for row, tail in rows.tails.items():
        if polygons[row]:
            continue
        points = np.array(tail, np.float64).reshape(count, dims)
        found[row, :, :2] = points[:, :2] * wh
        found[row, :, 2] = points[:, 2] if dims == 3 else np.where(points.any(axis=1), 2.0, 0.0)
    found[found[..., 2] <= 0] = 0.0
    return found
