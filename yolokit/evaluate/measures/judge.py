"""What is right and what is wrong about the detections of one image.

The kinds of error are TIDE's, at its limits: an overlap (IoU) of 0.5 makes a detection right, one
of less than 0.1 leaves it on the background. A detection is judged without regard to those that
score less, so its kind is the same at every confidence. Source: Bolya et al. 2020, "TIDE: A
General Toolbox for Identifying Object Detection Errors", https://arxiv.org/abs/2008.08115.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from yolokit.metrics.matching import match_to_truth

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64, I64, U8, Detections
    from yolokit.labels.model import Annotations

RIGHT_IOU = 0.5
BACKGROUND_IOU = 0.1
RIGHT, LOOSE, WRONG_CLASS, DUPLICATE, FALSE = range(5)
Kind = Literal["right", "loose", "wrong_class", "duplicate", "false", "missed"]
KINDS: tuple[Kind, ...] = ("right", "loose", "wrong_class", "duplicate", "false")
MISSED: Kind = "missed"  # of a true box, not of a detection
NEVER = -1.0  # less than any score


@dataclass(frozen=True, slots=True, eq=False)
class JudgedImage:
    """One image with N detections, best score first, and G true boxes.

    Attributes:
        name: Its path.
        true_xyxy: (G, 4) float64 px.
        true_ids: (G,) int64 class ids.
        xyxy: (N, 4) float32 px.
        scores: (N,) float32.
        class_ids: (N,) int64.
        kinds: (N,) uint8, places in ``KINDS``.
        partners: (N,) int64, the true box that the kind refers to; -1 for a false detection.
        mixed_up: (E, 2) int64, each a detection and a true box of another class that overlap by
            ``RIGHT_IOU``; for each detection the largest overlap first.
    """

    name: str
    true_xyxy: F64
    true_ids: I64
    xyxy: F32
    scores: F32
    class_ids: I64
    kinds: U8
    partners: I64
    mixed_up: I64

    def best_scores(self, *kinds: int) -> F64:
        """Return (G,) the highest score of such a detection of each true box, else ``NEVER``."""
        best = np.full(len(self.true_ids), NEVER)
        chosen = np.isin(self.kinds, kinds) & (self.partners >= 0)
        np.maximum.at(best, self.partners[chosen], self.scores[chosen].astype(np.float64))
        return best

    def find_missed(self, conf: float) -> I64:
        """Return the true boxes that no detection of at least ``conf`` is about.

        One that is found with a loose box or under the wrong class is not missed as well.
        """
        return np.flatnonzero(self.best_scores(RIGHT, LOOSE, WRONG_CLASS) < conf)


def judge_image(name: str, truth: Annotations, found: Detections, iou: F64) -> JudgedImage:
    """Judge what was found in an image; ``iou`` (N, G) is how much that overlaps what is true."""
    true_ids = truth.category_indices
    kinds, partners = judge_detections(iou, true_ids, found.class_ids)
    return JudgedImage(
        name=name,
        true_xyxy=truth.xyxy,
        true_ids=true_ids,
        xyxy=found.xyxy,
        scores=found.scores,
        class_ids=found.class_ids,
        kinds=kinds,
        partners=partners,
        mixed_up=_find_mixed_up(iou, true_ids, found.class_ids),
    )


def judge_detections(iou: F64, true_ids: I64, class_ids: I64) -> tuple[U8, I64]:
    """Tell the kind of each detection of an image, and the true box that this refers to.

    Of several that fit the first counts:

    right        matched with a true box of its class by COCO's rule, at IoU 0.5 or more
    loose        overlaps a true box of its class by 0.1 to 0.5
    wrong_class  overlaps a true box of another class by 0.5 or more
    duplicate    overlaps a true box of its class by 0.5 or more that a better one has found
    false        all others: on the background, or 0.1 to 0.5 on an object of another class
                 (TIDE's "both", which has a name of its own there)

    Args:
        iou: (N, G) float64; a row for each detection, best score first.
        true_ids: (G,) int64 class ids.
        class_ids: (N,) int64, those of the detections.

    Returns:
        (N,) uint8 places in ``KINDS``, and (N,) int64, -1 for a false detection.
    """
    count = len(class_ids)
    kinds, partners = np.full(count, FALSE, np.uint8), np.full(count, -1, np.int64)
    if not count or not len(true_ids):
        return kinds, partners
    same = class_ids[:, None] == true_ids[None, :]
    own, other = np.where(same, iou, 0), np.where(same, 0, iou)
    own_best, other_best = own.max(axis=1), other.max(axis=1)
    # From the weakest claim to the strongest: each overrules those before it.
    for kind, claims, overlap in (
        (DUPLICATE, own_best >= RIGHT_IOU, own),
        (WRONG_CLASS, other_best >= RIGHT_IOU, other),
        (LOOSE, (own_best >= BACKGROUND_IOU) & (own_best < RIGHT_IOU), own),
    ):
        kinds[claims], partners[claims] = kind, overlap[claims].argmax(axis=1)
    matched = match_to_truth(own, min_iou=RIGHT_IOU)
    right = matched >= 0
    kinds[right], partners[right] = RIGHT, matched[right]
    return kinds, partners


def _find_mixed_up(iou: F64, true_ids: I64, class_ids: I64) -> I64:
    """Return the pairs of :attr:`JudgedImage.mixed_up`; arguments as in `judge_detections`."""
    rows, columns = np.nonzero(iou >= RIGHT_IOU)
    differ = class_ids[rows] != true_ids[columns]
    rows, columns = rows[differ], columns[differ]
    order = np.lexsort((-iou[rows, columns], rows))
    return np.stack([rows[order], columns[order]], axis=1)
