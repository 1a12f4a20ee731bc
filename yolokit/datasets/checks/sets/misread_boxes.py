"""Boxes that look as if their numbers were read in another convention than they were written."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.core.units import describe_share
from yolokit.datasets.checks.toolkit import has_area
from yolokit.datasets.facts import DatasetFacts

CODE = "misread-boxes"
TITLE = "boxes that may be misread"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = (
    "look at some with `yolokit data show`; `yolokit data formats NAME` lists the conventions "
    "that `yolokit data convert --assume KEY=VALUE` takes"
)
_FEW_BOXES = 50
_EDGE = 0.002  # of the image: rounding to a pixel of 500
_CUT_SHARE = 0.5
_SPECK_SHARE = 0.2
_SPECK_PX = 1.0
_MIDDLE = 0.5


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield what is seen of fifty boxes or more.

    Half of them cut at the edges of images: centres were read as corners, or pixels of another
    size. A fifth under a pixel: fractions were read as pixels. All in the upper left quarter: sizes
    of larger images were assumed. In BCCD, whose cells lie everywhere, a tenth touch an edge.
    """
    table = facts.table
    boxes = table.xyxy[has_area(table)]
    if len(boxes) < _FEW_BOXES:
        return
    touches = (boxes[:, :2] <= _EDGE) | (boxes[:, 2:] >= 1 - _EDGE)
    whole = touches.all(axis=1) & ((boxes[:, 2:] - boxes[:, :2]) > 1 - 2 * _EDGE).all(axis=1)
    cut = int((touches.any(axis=1) & ~whole).sum())
    if cut > _CUT_SHARE * len(boxes):
        part = describe_share(cut, len(boxes))
        yield f"of all boxes, {part} end at an edge of their image"
    sides_px = table.sides_px[(table.wh_px > 0).all(axis=1)]
    specks = int((sides_px < _SPECK_PX).any(axis=1).sum())
    if specks > _SPECK_SHARE * max(len(sides_px), _FEW_BOXES):
        part = describe_share(specks, len(sides_px))
        yield f"of all boxes, {part} are under a pixel a side"
    if (boxes[:, 2:] < _MIDDLE).all():
        count = counted(len(boxes), "box", "boxes")
        yield f"each of the {count} lies in the upper left quarter of its image"
