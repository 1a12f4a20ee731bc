"""Raw boxes and scores of both sides, place by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from yolokit.export.parity.matching import SCORE
from yolokit.runtime.heads.toolkit import load_head

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F64
    from yolokit.export.parity.report import ParityReport, Sample
    from yolokit.export.tolerances import Tolerance
    from yolokit.runtime.detector import Detector


def compare_raw(
    samples: Sequence[Sample], detector: Detector, threshold: float | None, report: ParityReport
) -> None:
    """Compare raw boxes and scores; those of a model that finds little from a lower score up."""
    limits = report.tolerance
    floor = min(limits.raw_min_score, SCORE if threshold is None else threshold)
    parts = [part for one in samples for part in _list_parts(one, detector, floor, limits)]
    for what in ("boxes", "scores"):
        mine = [part for part in parts if part.what == what]
        largest = max((part.max_diff for part in mine), default=0.0)
        if what == "boxes":
            report.max_raw_box_diff_px = largest
        else:
            report.max_raw_score_diff = largest
        _judge_raw(mine, report)


def _list_parts(
    sample: Sample, detector: Detector, floor: float, limits: Tolerance
) -> Iterator[_RawPart]:
    head = detector.manifest.head
    outputs = sample.trained[head.output_name], sample.deployed[head.output_name]
    (a_boxes, a_scores), (b_boxes, b_scores) = map(load_head(head.layout).split_comparable, outputs)
    found = np.maximum(a_scores, b_scores).max(axis=0, initial=0) >= floor
    if a_boxes.size:
        yield _compare_part(sample.name, "boxes", a_boxes[:, found], b_boxes[:, found], limits)
    yield _compare_part(sample.name, "scores", a_scores[:, found], b_scores[:, found], limits)


@dataclass(frozen=True, slots=True)
class _RawPart:
    """The boxes or the scores of one image: how many were compared, and how many differ."""

    what: Literal["boxes", "scores"]
    compared: int
    outside: int
    max_diff: float
    problem: str


def _compare_part(
    name: str, what: Literal["boxes", "scores"], trained: F64, deployed: F64, limits: Tolerance
) -> _RawPart:
    """Compare (., N) values, a column for each place of a box."""
    diff = np.abs(trained - deployed)
    limit_abs = limits.box_abs_px if what == "boxes" else limits.score_abs
    outside = int((diff > limit_abs + limits.rel * np.abs(trained)).any(axis=0).sum())
    max_diff = float(diff.max(initial=0))
    problem = f"{name}: {outside} of {diff.shape[1]} raw {what} differ, by up to {max_diff:.3g}"
    return _RawPart(what, diff.shape[1], outside, max_diff, problem)


def _judge_raw(parts: Sequence[_RawPart], report: ParityReport) -> None:
    """Refuse boxes or scores of which more differ than may, over all images."""
    compared = sum(part.compared for part in parts)
    outside = sum(part.outside for part in parts)
    report.raw_outliers += outside
    if outside > report.tolerance.outlier_share * compared:
        report.problems += [part.problem for part in parts if part.outside]
