"""What the labels of a set are, seen from the labels: boxes, outlines, rotated boxes, keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.task import Task

if TYPE_CHECKING:
    from yolokit.labels.model import Annotations
    from yolokit.labels.shapes import Shape

_STRAIGHT = 0.01  # of the box: corners this near to its edges are those of an upright box


class ShapeKinds:
    """Takes the labels of image after image, and tells what they are."""

    def __init__(self) -> None:
        self._has_keypoints = self._has_outlines = self._has_leaning = False

    def add(self, annotations: Annotations) -> None:
        """Take the labels of one image."""
        self._has_keypoints |= annotations.keypoints is not None
        if self._has_outlines:
            return
        for shape in annotations.shapes.values():
            if _is_quadrangle(shape):
                self._has_leaning |= shape.kind == "rotated" or _leans(shape)
            else:
                self._has_outlines = True

    @property
    def task(self) -> Task:
        """The task that they are for; rows of four corners alone are of rotated boxes."""
        if self._has_keypoints:
            return Task.POSE
        if self._has_outlines:
            return Task.SEGMENT
        return Task.OBB if self._has_leaning else Task.DETECT


def _is_quadrangle(shape: Shape) -> bool:
    return [len(ring) for ring in shape.rings] == [4]


def _leans(shape: Shape) -> bool:
    """Tell whether a corner lies off the edges of the upright box around them."""
    (ring,) = shape.rings
    low, high = ring.min(axis=0), ring.max(axis=0)
    off = np.minimum(ring - low, high - ring) / np.maximum(high - low, 1e-9)
    return bool((off > _STRAIGHT).any())
