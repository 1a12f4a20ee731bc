"""Puts the table of labels together: from the label files of a YOLO set, or from any reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.datasets.label_rows import is_polygon
from yolokit.datasets.label_table import ImageColumns, LabelTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yolokit.core.types import F32, F64, I64
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.facts import SplitFacts
    from yolokit.datasets.label_rows import LabelRows, RowLayout
    from yolokit.images.scan import ImageScan
    from yolokit.labels.model import Annotations, LabelledImage

_NO_SIZE = (0, 0)


def table_of_splits(
    data: DataYaml, splits: Mapping[str, SplitFacts], scans: Mapping[str, ImageScan]
) -> LabelTable:
    """Return all labels of some splits."""
    columns = _Columns()
    are_rotated = any(facts.has_rotated_boxes for facts in splits.values())
    for split, facts in splits.items():
        rows, file_of = facts.labels.rows, facts.labels.file_of
        known = rows.class_ids < len(data.names)
        if not known.all():
            rows, file_of = rows.take(known), file_of[known]
        _add_tails(columns, rows, data.row_layout(), are_rotated=are_rotated)
        columns.add_rows(rows.class_ids, cxcywh_to_xyxy(rows.cxcywh), rows.lines, file_of)
        for image, file, missing in zip(
            facts.listed, facts.label_files, facts.labels.missing.tolist(), strict=True
        ):
            scan = scans.get(image.path)
            wh = _NO_SIZE if scan is None else scan.wh_px
            columns.add_image(image.path, image.name, split, "" if missing else file, wh)
    return columns.freeze(data.names, "line")


def _add_tails(columns: _Columns, rows: LabelRows, layout: RowLayout, *, are_rotated: bool) -> None:
    """Add the outlines and keypoints of rows that are about to be added."""
    outlines = is_polygon(rows.columns, layout)
    start = columns.row_count
    for row, tail in rows.tails.items():
        points = np.asarray(tail, np.float32)
        if outlines[row]:
            columns.shapes[start + row] = (points.reshape(-1, 2),)
            if are_rotated:
                columns.rotated.add(start + row)
        elif layout.keypoint_shape is not None:
            keypoints = _to_keypoints(points.reshape(layout.keypoint_shape))
            columns.keypoints[start + row] = keypoints


def table_of_images(images: Iterable[LabelledImage], names: Sequence[str]) -> LabelTable:
    """Return the labels of images whose sizes are known, as any reader gives them."""
    columns = _Columns()
    by_line = True
    for labelled in images:
        image, labels = labelled.image, labelled.annotations
        wh = np.array(image.image_wh, np.float64)
        start = columns.row_count
        for row, shape in labels.shapes.items():
            rings = tuple((ring / wh).astype(np.float32) for ring in shape.rings)
            columns.shapes[start + row] = rings
            if shape.kind == "rotated":
                columns.rotated.add(start + row)
        columns.keypoints |= _keypoints_of(labels, wh, start)
        columns.remarks |= {start + row: text for row, text in labels.reinterpreted.items()}
        boxes, first = labels.xyxy / np.tile(wh, 2), np.zeros(len(labels), np.int64)
        columns.add_rows(labels.category_indices, boxes, labels.places, first)
        path = "" if image.span is not None else image.path or ""  # no file of its own
        source = image.source
        columns.add_image(path, image.file_name, image.split or "", source.path, image.image_wh)
        by_line = by_line and source.counts == "line"
    return columns.freeze(names, "line" if by_line else "index")


def _keypoints_of(labels: Annotations, wh: F64, start: int) -> dict[int, F32]:
    """Return the keypoints of those that have any, as fractions, by rows from ``start`` on."""
    if labels.keypoints is None:
        return {}
    points = labels.keypoints / np.array([*wh, 1.0])
    has_any = np.flatnonzero((labels.keypoints[..., 2] > 0).any(axis=1)).tolist()
    return {start + row: points[row].astype(np.float32) for row in has_any}


class _Columns:
    """Collects the rows and images of a table; rows are added before their images."""

    def __init__(self) -> None:
        self.row_count = 0
        self.shapes: dict[int, tuple[F32, ...]] = {}
        self.rotated: set[int] = set()
        self.keypoints: dict[int, F32] = {}
        self.remarks: dict[int, str] = {}
        self._classes: list[I64] = [np.zeros(0, np.int64)]
        self._boxes: list[F64] = [np.zeros((0, 4))]
        self._lines: list[I64] = [np.zeros(0, np.int64)]
        self._image_of: list[I64] = [np.zeros(0, np.int64)]
        self._images: list[tuple[str, str, str, str]] = []
        self._wh: list[tuple[int, int]] = []

    def add_rows(self, classes: I64, boxes: F64, lines: I64, image_of: I64) -> None:
        """Add rows of images that are numbered from the next one on."""
        self._classes.append(classes)
        self._boxes.append(boxes)
        self._lines.append(lines)
        self._image_of.append(image_of + len(self._images))
        self.row_count += len(classes)

    def add_image(self, path: str, name: str, split: str, labels: str, wh: tuple[int, int]) -> None:
        self._images.append((path, name, split, labels))
        self._wh.append(wh)

    def freeze(self, names: Sequence[str], counts: Literal["line", "index"]) -> LabelTable:
        images = ImageColumns(
            [path for path, *_ in self._images],
            [name for _, name, *_ in self._images],
            [split for *_, split, _ in self._images],
            [labels for *_, labels in self._images],
            np.array(self._wh, np.int64).reshape(-1, 2),
        )
        return LabelTable(
            names=tuple(names),
            images=images,
            image_of=np.concatenate(self._image_of),
            class_ids=np.concatenate(self._classes),
            xyxy=np.concatenate(self._boxes),
            lines=np.concatenate(self._lines),
            counts=counts,
            shapes=self.shapes,
            rotated=frozenset(self.rotated),
            keypoints=self.keypoints,
            remarks=self.remarks,
        )


def _to_keypoints(points: F32) -> F32:
    """Return (K, 3) keypoints; with two columns one at 0, 0 is not labelled."""
    if points.shape[1] == 3:
        return points
    seen = np.where(points.any(axis=1), np.float32(2), np.float32(0))
    joined: F32 = np.concatenate([points, seen[:, None]], axis=1)
    return joined
