"""Box geometry: pure functions from arrays to arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Float = TypeVar("_Float", bound=np.floating)


def cxcywh_to_xyxy(boxes: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Turn (N, 4) boxes from centre and size into two corners, in the same unit."""
    half = boxes[:, 2:4] / boxes.dtype.type(2)
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def xyxy_to_cxcywh(boxes: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Turn (N, 4) boxes from two corners into centre and size, in the same unit."""
    size = boxes[:, 2:4] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / boxes.dtype.type(2), size], axis=1)


def xyxy_to_xywh(boxes: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Turn (N, 4) boxes from two corners into top-left corner and size, in the same unit."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]], axis=1)


def box_areas(xyxy: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Return the (N,) areas of (N, 4) boxes; an inverted box has area 0."""
    size = np.maximum(xyxy[:, 2:4] - xyxy[:, :2], xyxy.dtype.type(0))
    areas: npt.NDArray[_Float] = size[:, 0] * size[:, 1]
    return areas


def overlap_and_union(
    a: npt.NDArray[_Float], b: npt.NDArray[_Float]
) -> tuple[npt.NDArray[_Float], npt.NDArray[_Float]]:
    """Return the (N, M) areas that (N, 4) and (M, 4) xyxy boxes share, and cover together."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    size = np.maximum(high - low, a.dtype.type(0))
    overlap = size[..., 0] * size[..., 1]
    return overlap, box_areas(a)[:, None] + box_areas(b)[None, :] - overlap


def pairwise_iou(a: npt.NDArray[_Float], b: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Return the (N, M) intersection over union of (N, 4) and (M, 4) xyxy boxes.

    Two boxes without area have an IoU of 0.
    """
    overlap, union = overlap_and_union(a, b)
    result: npt.NDArray[_Float] = np.divide(
        overlap, union, out=np.zeros_like(overlap), where=union > 0
    )
    return result
