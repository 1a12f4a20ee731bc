"""Puts the table of labels together: from the label files of a YOLO set, or from any reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.datasets.label_rows import is_polygon
from yolokit.datasets.label_table import ImageColumns, LabelTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yolokit.core.types import F32, F64, I64
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.facts import SplitFacts
    from yolokit.images.scan import ImageScan
    from yolokit.labels.model import Annotations, LabelledImage

_NO_SIZE = (0, 0)


def table_of_splits(
    data: DataYaml, splits: Mapping[str, SplitFacts], scans: Mapping[str, ImageScan]
) -> LabelTable:
    """Return all labels of some splits."""
    layout = data.row_layout()
    images = _ImageLists()
    parts: list[tuple[I64, F64, I64, I64]] = []
    shapes: dict[int, tuple[F32, ...]] = {}
    keypoints: dict[int, F32] = {}
    row_count = 0
    for split, facts in splits.items():
        rows, file_of = facts.labels.rows, facts.labels.file_of
        known = rows.class_ids < len(data.names)
        if not known.all():
            rows, file_of = rows.take(known), file_of[known]
        boxes = cxcywh_to_xyxy(rows.cxcywh)
        parts.append((rows.class_ids, boxes, rows.lines, file_of + len(images.names)))
        outlines = is_polygon(rows.columns, layout)
        for row, tail in rows.tails.items():
            points = np.asarray(tail, np.float32)
            if outlines[row]:
                shapes[row_count + row] = (points.reshape(-1, 2),)
            elif layout.keypoint_shape is not None:
                keypoints[row_count + row] = _to_keypoints(points.reshape(layout.keypoint_shape))
        row_count += len(rows.lines)
        for image, file, missing in zip(
            facts.listed, facts.label_files, facts.labels.missing.tolist(), strict=True
        ):
            scan = scans.get(image.path)
            wh = _NO_SIZE if scan is None else scan.wh_px
            images.add(image.path, image.name, split, "" if missing else file, wh)
    are_rotated = any(facts.has_rotated_boxes for facts in splits.values())
    classes, xyxy, lines, image_of = _join(parts)
    return LabelTable(
        names=data.names,
        images=images.freeze(),
        image_of=image_of,
        class_ids=classes,
        xyxy=xyxy,
        lines=lines,
        shapes=shapes,
        rotated=frozenset(shapes) if are_rotated else frozenset(),
        keypoints=keypoints,
    )


def table_of_images(labelled_images: Iterable[LabelledImage], names: Sequence[str]) -> LabelTable:
    """Return the labels of images whose sizes are known, as any reader gives them."""
    images = _ImageLists()
    parts: list[tuple[I64, F64, I64, I64]] = []
    shapes: dict[int, tuple[F32, ...]] = {}
    rotated: set[int] = set()
    remarks: dict[int, str] = {}
    keypoints: dict[int, F32] = {}
    row_count = 0
    by_line = True
    for labelled in labelled_images:
        image, labels = labelled.image, labelled.annotations
        wh = np.array(image.image_wh, np.float64)
        image_of = np.full(len(labels), len(images.names))
        boxes = labels.xyxy / np.tile(wh, 2)
        parts.append((labels.category_indices, boxes, labels.places, image_of))
        for row, shape in labels.shapes.items():
            shapes[row_count + row] = tuple((ring / wh).astype(np.float32) for ring in shape.rings)
            if shape.kind == "rotated":
                rotated.add(row_count + row)
        remarks |= {row_count + row: text for row, text in labels.reinterpreted.items()}
        keypoints |= _keypoints_of(labels, wh, row_count)
        row_count += len(labels)
        by_line = by_line and image.source.counts == "line"
        path = "" if image.span is not None else image.path or ""  # no file of its own
        split = image.split or ""
        images.add(path, image.file_name, split, image.source.path, image.image_wh)
    classes, xyxy, lines, owners = _join(parts)
    return LabelTable(
        names=tuple(names),
        images=images.freeze(),
        image_of=owners,
        class_ids=classes,
        xyxy=xyxy,
        lines=lines,
        counts="line" if by_line else "index",
        shapes=shapes,
        rotated=frozenset(rotated),
        keypoints=keypoints,
        remarks=remarks,
    )


def _keypoints_of(labels: Annotations, wh: F64, start: int) -> dict[int, F32]:
    """Return the keypoints of those that have any, as fractions, by rows from ``start`` on."""
    if labels.keypoints is None:
        return {}
    points = labels.keypoints / np.array([*wh, 1.0])
    has_any = np.flatnonzero((labels.keypoints[..., 2] > 0).any(axis=1)).tolist()
    return {start + row: points[row].astype(np.float32) for row in has_any}


def _join(parts: Sequence[tuple[I64, F64, I64, I64]]) -> tuple[I64, F64, I64, I64]:
    """Return classes, boxes, lines and images of parts, each as one column."""
    none = np.zeros(0, np.int64)
    columns = list(zip(*[(none, np.zeros((0, 4)), none, none), *parts], strict=True))
    classes, boxes, lines, image_of = map(np.concatenate, columns)
    return classes, boxes, lines, image_of


class _ImageLists:
    """Collects the columns of images."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._paths: list[str] = []
        self._splits: list[str] = []
        self._label_files: list[str] = []
        self._wh: list[tuple[int, int]] = []

    def add(self, path: str, name: str, split: str, labels: str, wh: tuple[int, int]) -> None:
        self._paths.append(path)
        self.names.append(name)
        self._splits.append(split)
        self._label_files.append(labels)
        self._wh.append(wh)

    def freeze(self) -> ImageColumns:
        wh_px = np.array(self._wh, np.int64).reshape(-1, 2)
        return ImageColumns(self._paths, self.names, self._splits, self._label_files, wh_px)


def _to_keypoints(points: F32) -> F32:
    """Return (K, 3) keypoints; with two columns one at 0, 0 is not labelled."""
    if points.shape[1] == 3:
        return points
    seen = np.where(points.any(axis=1), np.float32(2), np.float32(0))
    joined: F32 = np.concatenate([points, seen[:, None]], axis=1)
    return joined
