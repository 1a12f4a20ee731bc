"""The account of a quickstart: what was done, what came out, what to open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from yolokit.evaluate.job import ValReport


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step that was done: what it is for, its command, what came out, and how long it took."""

    purpose: str
    command: str
    outcome: str
    seconds: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a model found on the test split, counted at its best confidence.

    Attributes:
        conf: That confidence: the one with the highest mean F1 of all classes.
        parts: Parts in the pictures.
        found: Those that it marks, with the right name, at an IoU of 0.5 or more.
        marked: Boxes that it draws.
        map50: Mean average precision at an IoU of 0.5, over all confidences.
        map50_95: The mean of those at 0.50, 0.55 ... 0.95.
    """

    conf: float
    parts: int
    found: int
    marked: int
    map50: float
    map50_95: float

    @property
    def wrong(self) -> int:
        """Boxes that it draws and should not."""
        return self.marked - self.found


class QuickstartResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a quickstart.

    Attributes:
        folder: Everything is in it.
        classes: The kinds of parts that the model has learned.
        images: Pictures in each split.
        epochs: How often it looked at those of the training split.
        steps: What was done, in order.
        before: The model that training started from, on the test split.
        after: The fine-tuned model; both through ONNX in the torch-free runtime.
        map50_before: mAP50 of ``before``.
        map50_after: mAP50 of ``after``.
        map50_95_after: mAP50-95 of ``after``.
        matched: Detections that the parity gate compared, all equal.
        files: What to open, the most telling first: what it is, and where.
        seconds: Time for everything.
    """

    folder: Path
    classes: tuple[str, ...]
    images: dict[str, int]
    epochs: int
    steps: list[Step]
    before: Score
    after: Score
    map50_before: float
    map50_after: float
    map50_95_after: float
    matched: int
    files: dict[str, Path]
    seconds: float


def read_score(report: ValReport) -> Score:
    """Take what a beginner asks from an evaluation."""
    assert report.analysis is not None, "only a report that was read from a file may lack it"
    total = report.analysis.overall
    return Score(
        conf=report.analysis.conf,
        parts=total.boxes,
        found=total.right,
        marked=total.found,
        map50=report.overall.map50 or 0.0,
        map50_95=report.overall.map50_95 or 0.0,
    )
