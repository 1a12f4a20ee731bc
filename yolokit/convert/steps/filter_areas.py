"""Leaves out annotations that are smaller or larger than wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.labels.shapes import clip_ring, ring_area

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.core.types import F64
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Annotations, LabelledImage


class AreaLimits(msgspec.Struct, frozen=True):
    """How large annotations may be.

    Attributes:
        as_share: Whether these are shares of the image in [0, 1], not square px.
    """

    smallest: float = 0.0
    largest: float = float("inf")
    as_share: bool = False

    @classmethod
    def parse(cls, smallest: str | None, largest: str | None) -> AreaLimits:
        """Read limits such as ``100`` (square px) and ``0.1%`` (of the image), both of one kind.

        Raises:
            ValueError: One is neither, or they are of two kinds.
        """
        given = [text.strip() for text in (smallest, largest) if text is not None]
        kinds = {text.endswith("%") for text in given}
        if len(kinds) > 1:
            raise ValueError(f"{smallest} and {largest} are of different kinds")
        as_share = kinds == {True}
        low = _read_area(smallest) if smallest is not None else 0.0
        high = _read_area(largest) if largest is not None else float("inf")
        if low > high:
            raise ValueError(f"the least area {smallest} is above the greatest, {largest}")
        return cls(low, high, as_share)

    @property
    def is_open(self) -> bool:
        """Whether every area is allowed."""
        return self.smallest <= 0 and self.largest == float("inf")


def _read_area(text: str) -> float:
    word, unit = text.strip(), 1.0
    if word.endswith("%"):
        word, unit = word[:-1], 0.01
    try:
        value = float(word) * unit
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is neither square px such as 100 nor a share such as 0.1%")
    return value


def visible_areas(annotations: Annotations, limits: F64) -> F64:
    """Return the (N,) area in square px of what of each annotation lies inside a box.

    Args:
        annotations: N of them, in a form in which an outline counts where there is one.
        limits: (4,) xyxy of the box.
    """
    low = np.maximum(annotations.xyxy[:, :2], limits[:2])
    high = np.minimum(annotations.xyxy[:, 2:], limits[2:])
    areas: F64 = np.prod(np.maximum(high - low, 0.0), axis=1)
    for row, shape in annotations.shapes.items():
        rings = [clip_ring(ring, limits.tolist()) for ring in shape.rings]
        areas[row] = sum(abs(ring_area(ring)) for ring in rings if len(ring) > 2)
    return areas


def filter_areas(
    images: Iterable[LabelledImage], limits: AreaLimits, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Leave out annotations that are too small or too large, by what lies inside the image."""
    for labelled in images:
        image, annotations = labelled.image, labelled.annotations
        if not len(annotations):
            yield labelled
            continue
        width_px, height_px = image.image_wh
        unit = float(width_px * height_px) if limits.as_share else 1.0
        frame = np.array([0, 0, width_px, height_px], np.float64)
        areas = visible_areas(annotations, frame)
        fits = (areas >= limits.smallest * unit) & (areas <= limits.largest * unit)
        # What is broken or outside has no area at all: clipping says what is wrong with it.
        unwanted = np.flatnonzero(~fits & (areas > 0)).tolist()
        messages = {row: f"its area is {areas[row]:g} px" for row in unwanted}
        yield ledger.exclude(labelled, "area", messages)
