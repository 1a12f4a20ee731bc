"""Detections of both sides: each has its partner, or suppression chose between equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.export.parity.report import SIDES
from yolokit.metrics.matching import find_ties
from yolokit.runtime.heads.toolkit import load_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.core.types import F64, Bool, Detections
    from yolokit.export.parity.report import ParityReport, Sample
    from yolokit.export.tolerances import Tolerance
    from yolokit.metrics.matching import Matching
    from yolokit.runtime.detector import Detector

SCORE = 0.25
MIN_SCORE = 0.001
MIN_MATCHED = 20
_NO_LIMIT = 1_000_000


def choose_threshold(found: Iterable[Detections]) -> float | None:
    """Return 0.25, or the score of the 20th detection if that is lower; None without any.

    Fewer pairs would mean too little. ``found`` has each image's, from ``MIN_SCORE`` up.
    """
    scores: list[float] = [score for one in found for score in one.scores[:MIN_MATCHED].tolist()]
    if not scores:
        return None
    scores.sort(reverse=True)
    return min(SCORE, scores[min(MIN_MATCHED, len(scores)) - 1])


def lower_threshold(threshold: float, limits: Tolerance) -> float:
    """Return the score that a partner must have; at low thresholds "a little less" shrinks."""
    return threshold - limits.score_margin * min(1.0, threshold / SCORE)


class Matched(NamedTuple):
    """What one image shows of both sides.

    Attributes:
        apart_px: (K,) how far the boxes of each pair are apart, in px of the image.
        alone: A sentence for each detection without a partner.
    """

    apart_px: F64
    alone: list[str]


def match_sample(
    sample: Sample, detector: Detector, report: ParityReport, sides: tuple[str, str]
) -> Matched:
    """Match what both sides' outputs for one image mean, from ``report.threshold`` up."""
    threshold = report.threshold or 0
    lower = lower_threshold(threshold, report.tolerance)
    # Not clipped: a box outside the image has no area left to compare. No limit on the count: a
    # box that falls off the end of the list on one side alone is not a difference.
    trained, deployed = (
        detector.decode(outputs, sample.letterbox, conf=lower, max_det=_NO_LIMIT, clip=False)
        for outputs in (sample.trained, sample.deployed)
    )
    # A head that chose its boxes itself leaves nothing to suppress.
    chooses = load_head(detector.manifest.head.layout).SUPPRESSES_OVERLAPS
    return match_found(
        sample.name,
        (trained, deployed),
        detector,
        report,
        threshold=threshold,
        iou_limit=np.inf if chooses else detector.manifest.head.iou,
        score_slack=2 * report.max_raw_score_diff,
        sides=sides,
    )


def match_found(
    name: str,
    found: tuple[Detections, Detections],
    detector: Detector,
    report: ParityReport,
    *,
    threshold: float,
    iou_limit: float,
    score_slack: float,
    sides: tuple[str, str] = SIDES,
) -> Matched:
    """Match the detections of the trained and of the deployed model in one image.

    Args:
        name: The image.
        found: Of both, from somewhat below the threshold up.
        detector: The deployed model.
        report: Gets what was matched.
        threshold: Score from which a detection must have a partner.
        iou_limit: As for ``find_ties``.
        score_slack: As for ``find_ties``.
        sides: What the two are called in problems.

    Returns:
        How far the pairs are apart, and what has no partner; ``judge_alone`` judges that.
    """
    (trained, deployed), limits = found, report.tolerance
    metric = load_metric(detector.manifest.head.task)
    pairs = metric.match(
        trained, deployed, min_iou=limits.min_iou, max_score_diff=limits.score_diff
    )
    counted = trained.scores[pairs.a_index] >= threshold
    counted |= deployed.scores[pairs.b_index] >= threshold
    if counted.any():
        _measure_pairs(pairs, counted, report)
    lonely = pairs.unmatched_a, pairs.unmatched_b
    ties = find_ties(trained, deployed, *lonely, iou_limit=iou_limit, score_slack=score_slack)
    alone = []
    for side, own, indices, tied in zip(sides, found, lonely, ties, strict=True):
        above = own.scores[indices] >= threshold
        report.ties += int((above & tied).sum())
        alone += [_describe(name, side, own, int(at), detector) for at in indices[above & ~tied]]
    return Matched(pairs.box_diff_px[counted], alone)


def judge_alone(matched: Sequence[Matched], report: ParityReport) -> None:
    """Refuse detections without a partner, if they are more of all than may be."""
    alone = [problem for one in matched for problem in one.alone]
    pairs = sum(len(one.apart_px) for one in matched)
    report.unmatched += len(alone)
    if len(alone) > report.tolerance.alone_share * (len(alone) + pairs):
        report.problems += alone


def _measure_pairs(pairs: Matching, counted: Bool, report: ParityReport) -> None:
    report.matched += int(counted.sum())
    report.max_box_diff_px = max(report.max_box_diff_px, float(pairs.box_diff_px[counted].max()))
    report.max_score_diff = max(report.max_score_diff, float(pairs.score_diff[counted].max()))
    lowest = float(pairs.iou[counted].min())
    report.min_iou = lowest if report.min_iou is None else min(report.min_iou, lowest)


def _describe(name: str, side: str, found: Detections, index: int, detector: Detector) -> str:
    box = ", ".join(f"{value:.1f}" for value in found.xyxy[index])
    class_name = detector.names[int(found.class_ids[index])]
    return f"{name}: only {side} finds {class_name} at ({box}) with score {found.scores[index]:.4f}"
