"""Brings annotations into another frame: turned, mirrored, scaled or shifted, never sheared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.labels.model import Annotations

if TYPE_CHECKING:
    from yolokit.core.types import F64
    from yolokit.labels.shapes import Shape


def scaling(factor_x: float, factor_y: float) -> F64:
    """Return the (2, 3) matrix that scales points."""
    return np.array([[factor_x, 0, 0], [0, factor_y, 0]], np.float64)


def shifting(shift_x_px: float, shift_y_px: float) -> F64:
    """Return the (2, 3) matrix that shifts points."""
    return np.array([[1, 0, shift_x_px], [0, 1, shift_y_px]], np.float64)


def transform_annotations(
    annotations: Annotations, matrix: F64, remark: str | None = None
) -> Annotations:
    """Apply a matrix to everything that annotations hold.

    Args:
        annotations: N of them.
        matrix: (2, 3) float64, from x, y, 1 to x, y; each row with one of x and y alone, so that
            boxes stay boxes. An inverted box stays inverted.
        remark: ``code: what was done``, for each annotation that has none yet.
    """
    changes = annotations.reinterpreted
    if remark is not None:
        changes = {**dict.fromkeys(range(len(annotations)), remark), **changes}
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is dropped later
        return Annotations(
            annotations.category_indices,
            _transform_boxes(annotations.xyxy, matrix),
            annotations.places,
            changes,
            {row: _transform_shape(shape, matrix) for row, shape in annotations.shapes.items()},
            None if annotations.keypoints is None else _transform_keypoints(annotations, matrix),
        )


def _transform_points(points: F64, matrix: F64) -> F64:
    moved: F64 = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


def _transform_boxes(xyxy: F64, matrix: F64) -> F64:
    low, high = _transform_points(xyxy[:, :2], matrix), _transform_points(xyxy[:, 2:], matrix)
    mirrored = matrix[:, :2].sum(axis=1) < 0
    return np.concatenate([np.where(mirrored, high, low), np.where(mirrored, low, high)], axis=1)


def _transform_shape(shape: Shape, matrix: F64) -> Shape:
    rings = tuple(_transform_points(ring, matrix) for ring in shape.rings)
    return msgspec.structs.replace(shape, rings=rings)


def _transform_keypoints(annotations: Annotations, matrix: F64) -> F64:
    assert annotations.keypoints is not None
    moved = annotations.keypoints.copy()
    labelled = moved[..., 2] > 0
    moved[labelled, :2] = _transform_points(moved[labelled, :2], matrix)
    return moved
