"""Puts the table of labels together from the label files of a YOLO set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.datasets.label_rows import is_polygon, label_path
from yolokit.datasets.label_table import ImageColumns, LabelTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.types import F32
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.facts import SplitFacts
    from yolokit.images.scan import ImageScan


def build_table(
    data: DataYaml, splits: Mapping[str, SplitFacts], scans: Mapping[str, ImageScan]
) -> LabelTable:
    """Return all labels of some splits."""
    layout = data.row_layout()
    listed = [(split, image) for split, facts in splits.items() for image in facts.listed]
    rows = [found for facts in splits.values() for found in facts.rows]
    shapes: dict[int, tuple[F32, ...]] = {}
    keypoints: dict[int, F32] = {}
    classes, boxes, lines, owners = [], [], [], []
    start = 0
    for at, found in enumerate(rows):
        if found is None:
            continue
        known = found.take(found.class_ids < len(data.names))
        classes.append(known.class_ids)
        boxes.append(cxcywh_to_xyxy(known.cxcywh))
        lines.append(known.lines)
        owners.append(np.full(len(known.class_ids), at))
        outlines = is_polygon(known.columns, layout)
        for row, tail in known.tails.items():
            points = np.array(tail, np.float32)
            if outlines[row]:
                shapes[start + row] = (points.reshape(-1, 2),)
            elif layout.keypoint_shape is not None:
                keypoints[start + row] = _to_keypoints(points.reshape(layout.keypoint_shape))
        start += len(known.class_ids)
    images = ImageColumns(
        [image.path for _, image in listed],
        [image.name for _, image in listed],
        [split for split, _ in listed],
        [
            "" if found is None else label_path(image.path)
            for found, (_, image) in zip(rows, listed, strict=True)
        ],
        np.array(
            [scans[image.path].wh_px if image.path in scans else (0, 0) for _, image in listed],
            np.int64,
        ).reshape(-1, 2),
    )
    return LabelTable(
        data.names,
        images,
        np.concatenate([np.zeros(0, np.int64), *owners]),
        np.concatenate([np.zeros(0, np.int64), *classes]),
        np.concatenate([np.zeros((0, 4), np.float64), *boxes]),
        np.concatenate([np.zeros(0, np.int64), *lines]),
        shapes=shapes,
        rotated=frozenset(shapes)
        if any(one.has_rotated_boxes for one in splits.values())
        else frozenset(),
        keypoints=keypoints,
    )


def _to_keypoints(points: F32) -> F32:
    """Return (K, 3) keypoints; with two columns one at 0, 0 is not labelled."""
    if points.shape[1] == 3:
        return points
    return np.concatenate([points, np.where(points.any(axis=1), 2.0, 0.0)[:, None]], axis=1)
