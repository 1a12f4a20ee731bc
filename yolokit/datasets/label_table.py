"""All labels of a data set as columns, whatever its format: what checks and reports count on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
import numpy as np

from yolokit.core.types import F32, F64, I64


class ImageColumns(msgspec.Struct, frozen=True, eq=False):
    """The images of a data set; a picture that is listed twice is here twice.

    Attributes:
        paths: The file of each; an empty text where it is not known.
        names: What the data set calls each, with ``/`` between folders.
        splits: One for each; an empty text where the source has none.
        label_files: The file that holds the labels of each; an empty text where there is none.
        wh_px: (I, 2) int64, width and height of the upright image; 0 where not known.
    """

    paths: list[str]
    names: list[str]
    splits: list[str]
    label_files: list[str]
    wh_px: I64

    def __len__(self) -> int:
        return len(self.names)


class LabelTable(msgspec.Struct, frozen=True, eq=False):
    """All labels of a data set: R rows in I images.

    Rows that could not be read, or whose class has no name, are not among them: they are findings.

    Attributes:
        names: Of the classes; ``class_ids`` are indices of it.
        image_of: (R,) int64, the image of each row, ascending.
        class_ids: (R,) int64.
        xyxy: (R, 4) float64, fractions of the upright image, not clipped to it.
        lines: (R,) int64, the place of each row in its label file.
        counts: Whether these are lines, from 1, or the indices of annotations, from 0.
        shapes: Row to its outlines, each (P, 2) float32 fractions of the image.
        rotated: The rows whose shape is a rotated box by its four corners.
        keypoints: Row to its keypoints, (K, 3) float32: x and y as fractions, and visibility (0
            not labelled, 1 hidden, 2 visible).
        remarks: Row to what reading did to it, as ``code: message``.
    """

    names: tuple[str, ...]
    images: ImageColumns
    image_of: I64
    class_ids: I64
    xyxy: F64
    lines: I64
    counts: Literal["line", "index"] = "line"
    shapes: Mapping[int, tuple[F32, ...]] = MappingProxyType({})
    rotated: frozenset[int] = frozenset()
    keypoints: Mapping[int, F32] = MappingProxyType({})
    remarks: Mapping[int, str] = MappingProxyType({})

    def __len__(self) -> int:
        return len(self.class_ids)

    @property
    def wh_px(self) -> F64:
        """(R, 2) float64, width and height of the image of each row in px; 0 where not known."""
        sizes: F64 = self.images.wh_px[self.image_of].astype(np.float64)
        return sizes

    @property
    def sides_px(self) -> F64:
        """(R, 2) float64, width and height of each box in px; 0 where not known."""
        sides: F64 = (self.xyxy[:, 2:] - self.xyxy[:, :2]) * self.wh_px
        return sides

    @property
    def starts(self) -> I64:
        """(I + 1,) int64: the rows of image ``i`` are ``starts[i]`` to ``starts[i + 1]``."""
        found: I64 = np.searchsorted(self.image_of, np.arange(len(self.images) + 1))
        return found
