"""Whether the second model is as good as the first: one check for each thing that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.evaluate.accuracy import compare_accuracy
from yolokit.evaluate.measures.changes import compare_classes
from yolokit.evaluate.measures.differences import SHOWN
from yolokit.export.tolerances import allow_f1_drop, find_max_map_drop, find_tolerance
from yolokit.jobs.verify.record import Check, MapComparison
from yolokit.metrics.matching import find_ties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.evaluate.accuracy import Accuracy
    from yolokit.evaluate.finders import ModelFacts
    from yolokit.evaluate.measures.differences import BoxAgreement, ImagePairs
    from yolokit.export.parity.report import ParityReport
    from yolokit.export.tolerances import Tolerance

_NMS_IOU = 0.7
_PROBLEMS_SHOWN = 3
_ROUNDING = 5e-5  # of figures with four decimals


def choose_precision(first: ModelFacts, second: ModelFacts) -> str:
    """Return the precision whose tolerances hold: the lower one of the two models."""
    by_drop = sorted(
        (first.lowest_precision, second.lowest_precision),
        key=lambda one: (find_max_map_drop(one), find_tolerance(one).box_abs_px),
    )
    return by_drop[-1]


def compare_maps(first: Accuracy, second: Accuracy, max_map_drop: float) -> MapComparison:
    """Compare what both score on the same images."""
    difference = compare_accuracy(second, first)  # of the first less the second: what is lost
    return MapComparison(
        first=first.map50_95,
        second=second.map50_95,
        first_map50=first.map50,
        second_map50=second.map50,
        first_f1=first.shown_f1,
        second_f1=second.shown_f1,
        lost=first.map50_95 - second.map50_95,
        max_map_drop=max_map_drop,
        low=difference.low,
        high=difference.high,
        draws=difference.draws,
        classes=compare_classes(first, second),
    )


def check_accuracy(maps: MapComparison, images: int, split: str) -> Check:
    """Judge the loss of mAP."""
    holds = maps.lost <= maps.max_map_drop
    verb = "loses" if maps.lost > 0 else "gains"
    text = (
        f"mAP50-95 on {counted(images, 'image')} of {split} is {maps.second:.4f}, and "
        f"{maps.first:.4f} for the first: it {verb} {abs(maps.lost):.4f}, and a loss of "
        f"{maps.max_map_drop:g} is allowed"
    )
    if is_rounding(maps.lost):
        text = f"mAP50-95 on {counted(images, 'image')} of {split} is {maps.second:.4f} for both"
    if maps.low is not None and maps.high is not None and not holds and maps.low <= 0:
        text += f"; {describe_chance(maps)}"
    return Check(name="accuracy", holds=holds, text=text)


def check_scores(maps: MapComparison) -> Check:
    """Judge what is left from the usual threshold up: mAP does not see that all scores fell."""
    text = (
        f"of the boxes from score {SHOWN:g} up, mean F1 is {maps.second_f1:.3f}, and "
        f"{maps.first_f1:.3f} for the first"
    )
    allowed = allow_f1_drop(maps.max_map_drop)
    holds = maps.first_f1 - maps.second_f1 <= allowed
    if not holds:
        text += f": a loss of {allowed:g} is allowed"
    return Check(name="scores", holds=holds, text=text)


def is_rounding(*differences: float | None) -> bool:
    """Tell whether differences of mAP are none that four decimals show."""
    return all(one is not None and abs(one) < _ROUNDING for one in differences)


def describe_chance(maps: MapComparison) -> str:
    """Say what other images of the same kind might have shown."""
    if maps.low is None or maps.high is None:
        return "too few images to tell what is chance"
    span = f"{-maps.high:+.4f} to {-maps.low:+.4f}"
    if maps.low > 0 or maps.high < 0:
        return f"other images of this kind would show {span}, so it is not chance"
    return f"other images of this kind would show {span}, so chance may explain it"


def check_outputs(report: ParityReport) -> Check:
    """Judge the raw outputs of one file on two engines."""
    images = counted(report.images, "image")
    figures = (
        f"raw boxes within {report.max_raw_box_diff_px:.2g} px and raw scores within "
        f"{report.max_raw_score_diff:.2g}"
    )
    if not report.problems:
        pairs = counted(report.matched, "detection")
        text = f"the outputs on {images} agree: {figures}; {pairs} matched"
        return Check(name="outputs", holds=True, text=text)
    shown = "; ".join(report.problems[:_PROBLEMS_SHOWN])
    more = len(report.problems) - _PROBLEMS_SHOWN
    rest = f"; and {counted(more, 'more difference')}" if more > 0 else ""
    return Check(name="outputs", holds=False, text=f"the outputs on {images} differ: {shown}{rest}")


def check_boxes(
    agreement: BoxAgreement, pairs: Sequence[ImagePairs], precision: str, *, decides: bool
) -> Check:
    """Judge the boxes that both show; with a data set its labels decide, and this only tells."""
    limits = find_tolerance(precision)
    alone = sum(_count_alone(one, limits) for one in pairs)
    moved = sum(_count_moved(one, limits) for one in pairs)
    text = describe_agreement(agreement)
    if not decides:
        return Check(name="boxes", holds=None, text=text)
    if alone or moved:
        text += (
            f". Beyond what {precision} explains: {counted(alone, 'box', 'boxes')} of one model "
            f"alone, {counted(moved, 'pair')} that moved"
        )
    return Check(name="boxes", holds=not (alone or moved), text=text)


def describe_agreement(agreement: BoxAgreement) -> str:
    """Return how far the boxes that two models show agree."""
    alone = (
        f"{agreement.only_first} of the first model alone, {agreement.only_second} of the second"
    )
    text = (
        f"{counted(agreement.pairs, 'box', 'boxes')} of both from score {agreement.shown_from:g} "
        f"up, {alone}"
    )
    if not agreement.pairs:
        return text
    return (
        f"{text}; pairs overlap by {agreement.median_iou:.3f} (median; least "
        f"{agreement.min_iou:.3f}), scores differ by {agreement.median_score_diff:.2g} (median; "
        f"most {agreement.max_score_diff:.2g})"
    )


def _count_alone(one: ImagePairs, limits: Tolerance) -> int:
    """Count boxes without a partner, but for those where suppression chose between equals."""
    tied_a, tied_b = find_ties(
        one.a,
        one.b,
        one.alone_a,
        one.alone_b,
        iou_limit=_NMS_IOU,
        score_slack=2 * limits.score_abs,
    )
    lone = (one.a.scores[one.alone_a[~tied_a]], one.b.scores[one.alone_b[~tied_b]])
    return sum(int((scores >= SHOWN + limits.score_margin).sum()) for scores in lone)


def _count_moved(one: ImagePairs, limits: Tolerance) -> int:
    moved = (one.iou < limits.min_iou) | (one.score_diff > limits.score_diff)
    return int(moved.sum())
