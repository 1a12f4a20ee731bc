"""The figures of an analysis in words that need no knowledge of detectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.evaluate.analysis import Analysis
    from yolokit.evaluate.judge import Kind

NAMES: Mapping[Kind, str] = {
    "missed": "missed",
    "false": "false alarm",
    "wrong_class": "wrong class",
    "loose": "loose box",
    "duplicate": "duplicate",
    "right": "right",
}
_PLURALS: Mapping[Kind, str] = {
    "missed": "missed",
    "false": "false alarms",
    "wrong_class": "of a wrong class",
    "loose": "loose boxes",
    "duplicate": "duplicates",
    "right": "right",
}
MEANINGS: Mapping[Kind, str] = {
    "missed": "an object is labelled, and no box is about it",
    "false": "a box where no such object is labelled",
    "wrong_class": "the right place, the wrong name",
    "loose": "the right name, but the box fits badly: an overlap of 10 to 50 %",
    "duplicate": "one more box on an object that was found already",
}
ADVICE: Mapping[Kind, str] = {
    "missed": "Missed objects cost most: train on more pictures in which such objects look as "
    "they do here, and if they are small, with a larger "
    "`yolokit train --imgsz`.",
    "false": "False alarms cost most: look whether the pictures below show objects that nobody "
    "labelled; if not, add pictures without any object that look like these.",
    "wrong_class": "Mixed-up classes cost most: look at the confusion below, check the labels of "
    "those classes, and add pictures in which they can be told apart.",
    "loose": "Loose boxes cost most: look whether the labels enclose objects tightly and alike, "
    "and try a larger `yolokit train --imgsz` or more epochs.",
    "duplicate": "Duplicates cost most: use a lower `yolokit predict --iou`.",
}
_TOO_FEW = 100  # boxes; with fewer, a share of a half is known to 10 points at best


def floor_conf(conf: float) -> str:
    """Return a confidence with three decimals, rounded down so that it keeps what was counted."""
    return f"{math.floor(conf * 1000) / 1000:.3f}"


def describe_outcome(analysis: Analysis) -> str:
    """Return what was found and what of it is right, in one sentence."""
    overall = analysis.overall
    if not overall.boxes:
        return "no image has a label, so there is nothing to measure"
    objects = counted(overall.boxes, "object")
    if not overall.found:
        return f"finds none of {objects}, since it gives no box"
    given = counted(overall.found, "box", "boxes")
    right = counted(overall.right, "of them is right", "of them are right")
    return f"finds {overall.right} of {objects}; it gives {given}, and {right}"


def describe_errors(analysis: Analysis) -> str:
    """Return the errors by kind in one line, those that cost most first."""
    return ", ".join(
        counted(one.count, NAMES[one.kind], _PLURALS[one.kind])
        for one in analysis.errors
        if one.count
    )


def describe_certainty(analysis: Analysis) -> str:
    """Return how far the share of found objects may be off by chance, in one sentence."""
    boxes = analysis.overall.boxes
    points = counted(round(100 * half_width(analysis.overall.right, boxes)), "point")
    few = ": too few to compare models by a few points" if boxes < _TOO_FEW else ""
    return (
        f"Measured on {counted(analysis.images, 'image')} with {counted(boxes, 'object')}{few}. "
        f"By chance alone, the share that is found may be off by {points}."
    )


def half_width(part: int, whole: int) -> float:
    """Return half of the 95 % interval of a share, ``part`` of ``whole`` (at least 1).

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    z = 1.96
    spread = part * (whole - part) / whole + z * z / 4
    return z / (whole + z * z) * math.sqrt(spread)
