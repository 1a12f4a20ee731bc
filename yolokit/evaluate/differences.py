"""How far two models agree, box by box: pairs, boxes that one alone shows, and where they differ.

A box is shown from a score of ``SHOWN`` up, as ``yolokit predict`` does it by default. Its partner
is a box of the same class that overlaps it by at least ``MIN_IOU``; that may score less, down to
``PARTNER``, so that a box which drops just below the threshold is a pair whose scores differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.metrics.matching import match_detections

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.core.types import F64, I64, Detections
    from yolokit.evaluate.accuracy import Accuracy

SHOWN = 0.25
PARTNER = 0.05
MIN_IOU = 0.5
_VISIBLE_SCORE, _VISIBLE_IOU = 0.01, 0.98  # from here on people see that a pair differs


@dataclass(frozen=True, slots=True, eq=False)
class ImagePairs:
    """What two models, a and b, show in one image; class ids are of one list.

    Attributes:
        name: The image.
        a: Detections of the first, from ``PARTNER`` up.
        b: Those of the second.
        a_index: (K,) int64, those of a that are matched; at least one of the two is shown.
        b_index: (K,) int64, the partner of each.
        iou: (K,) float64, their overlap.
        box_diff_px: (K,) float64, largest difference of a coordinate.
        score_diff: (K,) float64, absolute difference of their scores.
        alone_a: (N,) int64, those of a that are shown and have no partner.
        alone_b: (M,) int64, those of b.
    """

    name: str
    a: Detections
    b: Detections
    a_index: I64
    b_index: I64
    iou: F64
    box_diff_px: F64
    score_diff: F64
    alone_a: I64
    alone_b: I64

    @property
    def amount(self) -> float:
        """How much the two differ: scores of boxes alone, and what pairs differ by."""
        alone = self.a.scores[self.alone_a].sum() + self.b.scores[self.alone_b].sum()
        return float(alone + self.score_diff.sum() + (1 - self.iou).sum())


class ImageDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How much two models differ in one image, for records.

    Attributes:
        image: Its name.
        pairs: Boxes that both show.
        only_first: Boxes that the first alone shows.
        only_second: Those of the second.
        max_score_diff: Largest difference of a pair's scores; None without pairs.
        min_iou: Least overlap of a pair; None without pairs.
    """

    image: str
    pairs: int
    only_first: int
    only_second: int
    max_score_diff: float | None
    min_iou: float | None


class BoxAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far two models agree over all images.

    Attributes:
        images: Images that were compared.
        pairs: Boxes that both show.
        only_first: Boxes that the first alone shows.
        only_second: Those of the second.
        median_iou: Overlap of the pairs; None without pairs, as the figures below.
        min_iou: The least.
        median_box_diff_px: Largest difference of a coordinate of a pair, in source-image px.
        max_box_diff_px: The most.
        median_score_diff: Difference of a pair's scores.
        max_score_diff: The most.
        shown_from: Score from which a box is shown.
    """

    images: int
    pairs: int
    only_first: int
    only_second: int
    median_iou: float | None
    min_iou: float | None
    median_box_diff_px: float | None
    max_box_diff_px: float | None
    median_score_diff: float | None
    max_score_diff: float | None
    shown_from: float = SHOWN


def pair_image(name: str, a: Detections, b: Detections) -> ImagePairs:
    """Match what two models found in an image; class ids are of one list of classes.

    Boxes that both show are matched first, so that none is given to a faint one that lies as near.
    """
    a, b = (one[one.scores >= PARTNER] for one in (a, b))
    shown_a, shown_b = (np.flatnonzero(one.scores >= SHOWN) for one in (a, b))
    both = _match(a, b, shown_a, shown_b)
    free_a, free_b = np.setdiff1d(shown_a, both[0]), np.setdiff1d(shown_b, both[1])
    faint_a, faint_b = (np.flatnonzero(one.scores < SHOWN) for one in (a, b))
    parts = [both, _match(a, b, free_a, faint_b), _match(a, b, faint_a, free_b)]
    a_index, b_index, iou, box_diff_px, score_diff = map(np.concatenate, zip(*parts, strict=True))
    return ImagePairs(
        name=name,
        a=a,
        b=b,
        a_index=a_index,
        b_index=b_index,
        iou=iou,
        box_diff_px=box_diff_px,
        score_diff=score_diff,
        alone_a=np.setdiff1d(shown_a, a_index),
        alone_b=np.setdiff1d(shown_b, b_index),
    )


def _match(a: Detections, b: Detections, of_a: I64, of_b: I64) -> tuple[I64, I64, F64, F64, F64]:
    """Match some detections of each; returns their indices, and the figures of the pairs."""
    found = match_detections(a[of_a], b[of_b], min_iou=MIN_IOU, max_score_diff=1.0)
    places = of_a[found.a_index], of_b[found.b_index]
    return *places, found.iou, found.box_diff_px, found.score_diff


def pair_found(first: Accuracy, second: Accuracy) -> list[ImagePairs]:
    """Match what two models found in the images that both were measured on."""
    return [
        pair_image(a.name, a.found, b.found)
        for a, b in zip(first.images, second.images, strict=True)
    ]


def sum_up(images: Sequence[ImagePairs]) -> BoxAgreement:
    """Return how far two models agree over all images."""
    iou, box_diff, score_diff = (
        np.concatenate([np.zeros(0), *(getattr(one, name) for one in images)])
        for name in ("iou", "box_diff_px", "score_diff")
    )
    some = len(iou) > 0
    return BoxAgreement(
        images=len(images),
        pairs=len(iou),
        only_first=sum(len(one.alone_a) for one in images),
        only_second=sum(len(one.alone_b) for one in images),
        median_iou=float(np.median(iou)) if some else None,
        min_iou=float(iou.min()) if some else None,
        median_box_diff_px=float(np.median(box_diff)) if some else None,
        max_box_diff_px=float(box_diff.max()) if some else None,
        median_score_diff=float(np.median(score_diff)) if some else None,
        max_score_diff=float(score_diff.max()) if some else None,
    )


def choose_most_different(images: Iterable[ImagePairs], most: int) -> list[ImagePairs]:
    """Return the images in which two models differ most, the worst first; none if they do not.

    Rounding is not a difference: what counts is a box alone, or a pair that moved visibly.
    """
    differing = [one for one in images if _differs(one)]
    return sorted(differing, key=lambda one: (-one.amount, one.name))[:most]


def describe_image(one: ImagePairs) -> ImageDifference:
    """Return the figures of one image."""
    some = len(one.iou) > 0
    return ImageDifference(
        image=one.name,
        pairs=len(one.iou),
        only_first=len(one.alone_a),
        only_second=len(one.alone_b),
        max_score_diff=float(one.score_diff.max()) if some else None,
        min_iou=float(one.iou.min()) if some else None,
    )


def _differs(one: ImagePairs) -> bool:
    if len(one.alone_a) or len(one.alone_b):
        return True
    return bool((one.score_diff > _VISIBLE_SCORE).any() or (one.iou < _VISIBLE_IOU).any())
