"""From a model's output to detections, for the two layouts that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.core.nms import suppress_overlaps
from yolokit.core.plural import counted, share
from yolokit.core.types import Detections
from yolokit.errors import ModelOutputError

if TYPE_CHECKING:
    from yolokit.core.types import F32, I64, Letterbox

# Candidates that enter the suppression of one image, as in ultralytics utils/nms.py.
MAX_CANDIDATES = 30_000
_FEWEST_BOXES = 20
_CORNER_PX = 2
_SCORE_SLACK = np.float32(1e-3)  # what half precision may add to a score of 1


def decode_raw(
    output: F32,
    letterbox: Letterbox,
    *,
    min_score: float,
    max_iou: float,
    max_count: int,
    multi_label: bool = False,
    clip: bool = True,
) -> Detections:
    """Decode one raw head output into image-space detections.

    Args:
        output: (4 + C, A) float32; rows 0-3 cxcywh in input px, the rest scores in [0, 1].
        letterbox: Transform that produced the input.
        min_score: Scores below this are discarded, in [0, 1].
        max_iou: Overlap in [0, 1] up to which two boxes of a class both stay.
        max_count: Most detections to return, the best ones.
        multi_label: Every class of an anchor that reaches ``min_score`` is a candidate, as COCO
            evaluation wants it; otherwise only the best class of each anchor is.
        clip: Whether to clip boxes to the image.

    Returns:
        N detections, xyxy in source-image px, score-descending.

    Raises:
        ModelOutputError: The shape is not (4 + C, A), a value is not finite, the scores are
            not probabilities, or the boxes are in fractions of the image.
    Source: ultralytics ``utils/nms.py:non_max_suppression``, without its time limit.
    """
    if output.ndim != 2 or output.shape[0] < 5:
        raise ModelOutputError(f"a raw output is (4 + C, A), not {output.shape}")
    _check_finite(output)
    scores_by_class = output[4:]
    best = scores_by_class.max(axis=0, initial=0)
    _check_scores(best)
    candidates = np.flatnonzero(best >= min_score)
    if len(candidates):
        _check_pixels(output[:2].T)
    scores_by_class = scores_by_class[:, candidates]
    if multi_label:
        class_ids, columns = np.nonzero(scores_by_class >= min_score)
    else:
        class_ids, columns = scores_by_class.argmax(axis=0), np.arange(len(candidates))
    scores = scores_by_class[class_ids, columns]
    if len(scores) > MAX_CANDIDATES:
        top = _highest(scores, MAX_CANDIDATES)
        class_ids, columns, scores = class_ids[top], columns[top], scores[top]
    xyxy = cxcywh_to_xyxy(output[:4, candidates[columns]].T)
    class_ids = class_ids.astype(np.int64, copy=False)
    kept = suppress_overlaps(xyxy, scores, class_ids, max_iou=max_iou, max_count=max_count)
    return _place(xyxy[kept], scores[kept], class_ids[kept], letterbox, clip=clip)


def decode_end2end(
    output: F32,
    letterbox: Letterbox,
    *,
    class_count: int,
    min_score: float,
    max_count: int,
    clip: bool = True,
) -> Detections:
    """Decode the output of a head that suppresses overlaps itself.

    Args:
        output: (K, 6) float32; xyxy in input px, score in [0, 1], class index. Rows of score 0
            are the head's own padding.
        letterbox: Transform that produced the input.
        class_count: Number of classes.
        min_score: Scores below this are discarded, in [0, 1].
        max_count: Most detections to return, the best ones.
        clip: Whether to clip boxes to the image.

    Returns:
        N detections, xyxy in source-image px, score-descending.

    Raises:
        ModelOutputError: The shape is not (K, 6), a value is not finite, a class is unknown, or
            the boxes are in fractions of the image.
    Source: ultralytics ``nn/modules/head.py:Detect.postprocess``.
    """
    if output.ndim != 2 or output.shape[1] != 6:
        raise ModelOutputError(f"an end-to-end output is (K, 6), not {output.shape}")
    _check_finite(output)
    _check_scores(output[:, 4])
    rows = output[(output[:, 4] >= min_score) & (output[:, 4] > 0)]
    if len(rows):
        _check_pixels(output[output[:, 4] > 0, :4])
    rows = rows[np.argsort(-rows[:, 4], kind="stable")[:max_count]]
    class_ids = rows[:, 5].astype(np.int64)
    wrong = (class_ids != rows[:, 5]) | (class_ids < 0) | (class_ids >= class_count)
    if wrong.any():
        raise ModelOutputError(
            f"the model's output names class {float(rows[wrong][0, 5]):g} of {class_count}"
        )
    return _place(rows[:, :4], rows[:, 4].copy(), class_ids, letterbox, clip=clip)


def _highest(scores: F32, count: int) -> I64:
    """Return the indices, ascending, of the ``count`` highest scores; of equal ones the first."""
    limit = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))


def _place(
    xyxy: F32, scores: F32, class_ids: I64, letterbox: Letterbox, *, clip: bool
) -> Detections:
    scores = np.minimum(scores, np.float32(1))
    return Detections(letterbox.to_image(xyxy, clip=clip), scores, class_ids)


def _check_finite(output: F32) -> None:
    # The sum of all values is finite only if every value is: one pass and no temporary array.
    with np.errstate(invalid="ignore", over="ignore"):
        total = output.sum(dtype=np.float64)
    if not np.isfinite(total):
        count = int(np.count_nonzero(~np.isfinite(output)))
        values = f"the {counted(output.size, 'value')} in the model's output"
        raise ModelOutputError(f"{share(count, values, 'is', 'are')} NaN or infinite")


def _check_scores(scores: F32) -> None:
    highest = scores.max(initial=0)
    if highest > 1 + _SCORE_SLACK:
        raise ModelOutputError(
            f"the model's output holds a score of {float(highest):g}: not a probability"
        )


def _check_pixels(places_px: F32) -> None:
    """Refuse boxes in fractions of the image, as RT-DETR's are, by their places (N, 2 or 4).

    A grid of anchors or a head's best candidates are spread over the image, so many boxes that
    all lie within two pixels of its corner are not in pixels.
    """
    if len(places_px) >= _FEWEST_BOXES and places_px.max() <= _CORNER_PX:
        raise ModelOutputError(
            f"all {counted(len(places_px), 'box', 'boxes')} of the model's output lie within "
            f"{_CORNER_PX} px of the corner: they are fractions of the image, as "
            "RT-DETR's, not pixels"
        )
