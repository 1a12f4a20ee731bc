"""Which labels of an image a model disagrees with, and how sure it is of that.

The three scores follow ObjectLab (Tkachenko, Thyagarajan and Mueller 2023, "ObjectLab: Automated
Diagnosis of Mislabeled Images in Object Detection Data", https://arxiv.org/abs/2309.00832): a
confident detection without a label (overlooked), a label that lies beside what the model finds
(badly located), and one that the model calls otherwise (swapped). What differs: a score of 1 is
the worst here; in place of the paper's fixed limits of 0.5 and 0.95 a detection counts from the
confidence that serves its class best on these very labels, since detectors of one stage are
seldom as sure as 0.95; and each score is weighted by that confidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.evaluate.judge import BACKGROUND_IOU, FALSE, RIGHT, RIGHT_IOU

if TYPE_CHECKING:
    from yolokit.core.types import F64, Bool
    from yolokit.evaluate.judge import JudgedImage

MISSING_BOX, WRONG_CLASS, LOOSE_BOX = (
    "likely-missing-box",
    "likely-wrong-class",
    "likely-loose-box",
)
_OVERLAP_SHARE = 0.9  # of a similarity; the rest is how near the centres are, as in the paper
_LOOSE_SHARE = 0.8  # of the overlap that is usual for the class
# Least scores: below these most of what was listed for right labels, and little of what was
# planted (tests/bench/label_errors.py).
_LEAST = {MISSING_BOX: 0.4, WRONG_CLASS: 0.3, LOOSE_BOX: 0.2}


class Suspicion(NamedTuple):
    """A label that may be wrong, or may be missing.

    Attributes:
        code: What may be wrong.
        score: In [0, 1]; 1 is the surest error.
        label: The label among those of the image; -1 for a missing one.
        detection: The detection that speaks against it.
    """

    code: str
    score: float
    label: int
    detection: int


def suspect_labels(
    image: JudgedImage, image_wh: tuple[int, int], best_confs: F64, usual_ious: F64
) -> list[Suspicion]:
    """Return what a model doubts about the labels of an image, in no particular order.

    Args:
        image: The labels and all detections.
        image_wh: Width and height in px.
        best_confs: (C,) the confidence from which a detection of each class counts.
        usual_ious: (C,) the overlap that right detections of each class usually have.
    """
    iou = pairwise_iou(image.xyxy.astype(np.float64), image.true_xyxy)
    similarity = _compare(image, iou, image_wh)
    counts = image.scores >= best_confs[image.class_ids]
    found = [
        *_find_missing(image, similarity, counts),
        *_find_swapped(image, iou, similarity, counts),
        *_find_loose(image, iou, counts, usual_ious),
    ]
    return [one for one in found if one.score >= _LEAST[one.code]]


def _compare(image: JudgedImage, iou: F64, image_wh: tuple[int, int]) -> F64:
    """Return the (N, G) similarities of detections and labels, in [0, 1]."""
    centers = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (image.xyxy, image.true_xyxy)]
    away = np.linalg.norm(centers[0][:, None] - centers[1][None, :], axis=2) / np.hypot(*image_wh)
    near = np.maximum(0, 1 - away)
    similarity: F64 = _OVERLAP_SHARE * iou + (1 - _OVERLAP_SHARE) * near
    return similarity


def _find_missing(image: JudgedImage, similarity: F64, counts: Bool) -> list[Suspicion]:
    """Return the objects that the model sees where nothing is labelled, each once."""
    found: list[Suspicion] = []
    taken = np.zeros((0, 4))
    for row in np.flatnonzero(counts & (image.kinds == FALSE)).tolist():  # best score first
        box = image.xyxy[row : row + 1].astype(np.float64)
        if (pairwise_iou(box, taken) >= RIGHT_IOU).any():
            continue  # the same object under another name
        taken = np.concatenate([taken, box])
        unlike = 1 - similarity[row].max(initial=0)
        found.append(Suspicion(MISSING_BOX, float(image.scores[row] * unlike), -1, row))
    return found


def _find_swapped(image: JudgedImage, iou: F64, similarity: F64, counts: Bool) -> list[Suspicion]:
    """Return the labels whose object the model calls otherwise, and does not call so as well."""
    found = []
    free = counts & (image.kinds != RIGHT)
    for label, class_id in enumerate(image.true_ids.tolist()):
        there = iou[:, label] >= RIGHT_IOU
        same = image.class_ids == class_id
        own = image.scores[there & same].max(initial=0)
        others = np.flatnonzero(there & ~same & free)
        if len(others) and image.scores[others[0]] > own:
            other = int(others[0])
            sure = image.scores[other] * (1 - own) * similarity[other, label]
            found.append(Suspicion(WRONG_CLASS, float(sure), label, other))
    return found


def _find_loose(image: JudgedImage, iou: F64, counts: Bool, usual_ious: F64) -> list[Suspicion]:
    """Return the labels whose object the model finds beside them, further than usual."""
    found = []
    for label, class_id in enumerate(image.true_ids.tolist()):
        is_own = counts & (image.class_ids == class_id) & (iou[:, label] >= BACKGROUND_IOU)
        is_taken = (image.kinds == RIGHT) & (image.partners != label)
        rows = np.flatnonzero(is_own & ~is_taken)
        if not len(rows):
            continue
        best = int(rows[iou[rows, label].argmax()])
        share = iou[best, label] / usual_ious[class_id]
        if share < _LOOSE_SHARE:
            sure = float(image.scores[best] * (1 - share))
            found.append(Suspicion(LOOSE_BOX, sure, label, best))
    return found
