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
    """Takes the labels of image after image, and tells what they are.

    Attributes:
        has_outlines: Whether some are outlines.
    """

    def __init__(self) -> None:
        self.has_outlines = False
        self._has_keypoints = self._has_leaning = self._has_shapes = self._is_mixed = False

    def add(self, annotations: Annotations) -> None:
        """Take the labels of one image."""
        self._has_keypoints |= annotations.keypoints is not None
        shaped = len(annotations.shapes)
        self._has_shapes |= shaped > 0
        self._is_mixed |= 0 < shaped < len(annotations)
        if self.has_outlines:
            return
        for shape in annotations.shapes.values():
            if _is_quadrangle(shape):
                self._has_leaning |= shape.kind == "rotated" or _leans(shape)
            else:
                self.has_outlines = True

    @property
    def task(self) -> Task:
        """The task that they are for; rows of four corners alone are of rotated boxes."""
        if self._has_keypoints:
            return Task.POSE
        if self.has_outlines:
            return Task.SEGMENT
        return Task.OBB if self._has_leaning else Task.DETECT

    @property
    def written_task(self) -> Task:
        """The task for which they are written again: outlines among boxes are for none."""
        if self._is_mixed:
            return Task.DETECT
        # Outlines that happen to be upright boxes stay outlines.
        return Task.SEGMENT if self._has_shapes and self.task == Task.DETECT else self.task


def _is_quadrangle(shape: Shape) -> bool:
    return [len(ring) for ring in shape.rings] == [4]


def _leans(shape: Shape) -> bool:
    """Tell whether a corner lies off the edges of the upright box around them."""
    (ring,) = shape.rings
    low, high = ring.min(axis=0), ring.max(axis=0)
    off = np.minimum(ring - low, high - ring) / np.maximum(high - low, 1e-9)
    return bool((off > _STRAIGHT).any())
