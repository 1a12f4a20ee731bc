"""The box around a COCO mask: polygons, or run lengths as a list or as a compressed string."""

from __future__ import annotations

from typing import Any

import numpy as np

_MAX_PIXELS = 1 << 31


def box_of_mask(segmentation: Any) -> tuple[float, float, float, float] | None:
    """Return the xyxy box around a mask in px, or None if it covers nothing.

    Raises:
        ValueError: It is no mask; the message says why.
    """
    if isinstance(segmentation, list):
        return _box_of_polygons(segmentation)
    if isinstance(segmentation, dict):
        return _box_of_runs(segmentation)
    raise ValueError("`segmentation` is neither polygons nor run lengths")


def _box_of_polygons(polygons: list[Any]) -> tuple[float, float, float, float] | None:
    if polygons and all(isinstance(value, (int, float)) for value in polygons):
        polygons = [polygons]  # one polygon that is not wrapped in a list
    points: list[float] = []
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) % 2 or len(polygon) < 6:
            raise ValueError("a polygon is no list of three or more x, y pairs")
        if not all(isinstance(value, (int, float)) for value in polygon):
            raise ValueError("a polygon holds something that is no number")
        points += polygon
    if not points:
        return None
    xs, ys = points[0::2], points[1::2]
    if any(value != value for value in points):  # noqa: PLR0124 - only NaN is unequal to itself
        raise ValueError("a polygon holds NaN")
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def _box_of_runs(mask: dict[str, Any]) -> tuple[float, float, float, float] | None:
    size, counts = mask.get("size"), mask.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(v) is int for v in size):
        raise ValueError("a mask's `size` is not [height, width]")
    height, width = size
    runs = _decompress(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("a mask's `counts` are no run lengths")
    if not 0 < height * width < _MAX_PIXELS or sum(runs) != height * width:
        raise ValueError(f"a mask's run lengths do not add up to {width}x{height} px")
    ends = np.cumsum(np.array(runs, np.int64))
    starts, stops = ends[0::2][: len(ends) // 2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts):
        return None
    # Pixels are counted down the columns; a run that goes on in the next column spans them all.
    first, last = starts // height, (stops - 1) // height
    wraps = bool((first != last).any())
    top = 0 if wraps else int((starts % height).min())
    bottom = height if wraps else int(((stops - 1) % height).max()) + 1
    return float(first.min()), float(top), float(last.max() + 1), float(bottom)


def _decompress(text: str) -> list[int]:
    """Read COCO's run lengths: five bits a character, differences from the fourth run on.

    Source: cocoapi ``common/maskApi.c:rleFrString``.
    """
    runs: list[int] = []
    at = 0
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            if at >= len(text):
                raise ValueError("a mask's compressed `counts` end too early")
            bits = ord(text[at]) - 48
            if not 0 <= bits < 64 or shift > 60:
                raise ValueError("a mask's compressed `counts` hold a strange character")
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            at, shift = at + 1, shift + 5
            if not more and bits & 0x10:
                value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs
