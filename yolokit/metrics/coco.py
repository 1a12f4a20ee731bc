"""COCO metrics of detections, overall and per class: pycocotools' numbers on the same boxes.

This module alone calls faster-coco-eval, for the matching and accumulation of one class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.core.boxes import box_areas, xyxy_to_xywh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64, Bool
    from yolokit.metrics.store import BoxStore, ClassFound, ClassTruth

_IOU_50, _IOU_75 = 0, 5  # places among the thresholds 0.50, 0.55 ... 0.95
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_ONE, _TEN, _EVERY = range(3)
_CATEGORY_ID = 1
USUAL_CONF = 0.25  # from which predict shows a box


class BoxMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one class, or their means over the classes that have true boxes.

    None where there is no true box (of that size). Small is an area up to 32 x 32 px of the
    source image, large one from 96 x 96 px.

    Attributes:
        name: The class, or ``all``.
        images: Images with at least one true box.
        boxes: True boxes.
        precision: Share of the detections that are true at IoU 0.5, at the confidence ``conf``.
        recall: Share of the true boxes that are found, likewise.
        f1: Harmonic mean of the two.
        conf: Confidence of the three above: the one with the highest mean F1 of all classes,
            so the best single ``--conf``.
        best_conf: Confidence with the highest F1 of this class alone.
        best_f1: That F1.
        map50_95: Average precision, the mean over IoU 0.50, 0.55 ... 0.95.
        map50: Average precision at IoU 0.50.
        map75: Average precision at IoU 0.75.
        map_small: As ``map50_95``, of small boxes.
        map_medium: As ``map50_95``, of medium boxes.
        map_large: As ``map50_95``, of large boxes.
        ar: Average recall over the same IoUs, all detections of an image allowed.
        ar_1: Average recall with the best detection of each image alone.
        ar_10: Average recall with the ten best.
        ar_small: As ``ar``, of small boxes.
        ar_medium: As ``ar``, of medium boxes.
        ar_large: As ``ar``, of large boxes.
        recall_at: Precisions that were asked for, such as ``0.9``, each with the highest recall at
            that precision or a higher one: see :mod:`yolokit.metrics.fitness`.
    """

    name: str
    images: int
    boxes: int
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    conf: float | None = None
    best_conf: float | None = None
    best_f1: float | None = None
    map50_95: float | None = None
    map50: float | None = None
    map75: float | None = None
    map_small: float | None = None
    map_medium: float | None = None
    map_large: float | None = None
    ar: float | None = None
    ar_1: float | None = None
    ar_10: float | None = None
    ar_small: float | None = None
    ar_medium: float | None = None
    ar_large: float | None = None
    recall_at: dict[str, float] | None = None


class CocoMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a detector over a data set.

    Attributes:
        overall: Means over the classes that have true boxes; counts over all images.
        classes: One for each class, in the order of the class ids.
    """

    overall: BoxMetrics
    classes: tuple[BoxMetrics, ...]


class ScoredClass:
    """The detections of one class that has true boxes, ready to be counted.

    Args:
        scores: (N,) floats in any order.
        is_true: (N,) bool, whether each is matched with a true box.
        true_count: Number of true boxes, at least 1.
    """

    def __init__(self, scores: F64, is_true: Bool, true_count: int) -> None:
        if true_count < 1:
            raise ValueError("a class without true boxes has no recall")
        order = np.argsort(-scores, kind="stable")
        self.scores = scores[order]
        self.is_true = is_true[order]
        self.true_count = true_count
        self._cumulated = np.concatenate([[0], np.cumsum(self.is_true)])

    def count_at(self, confs: F64) -> tuple[I64, I64]:
        """Return how many detections score at least each threshold, and how many are true."""
        found = np.searchsorted(-self.scores, -confs, side="right")
        return found, self._cumulated[found]

    def operate_at(self, conf: float) -> tuple[float, float, float]:
        """Return precision, recall and F1 of what scores at least ``conf``.

        Precision is 0 where nothing does, so that a class never found lowers the mean.
        """
        found, true = (int(counts[0]) for counts in self.count_at(np.array([conf])))
        return (
            true / found if found else 0.0,
            true / self.true_count,
            2 * true / (found + self.true_count),
        )

    def find_recall(self, min_precision: float) -> float:
        """Return the highest recall at a precision of at least this, over all confidences.

        It is 0 where the precision is never reached.
        """
        conf = self.find_conf(min_precision)
        return 0.0 if conf is None else self.operate_at(conf)[1]

    def find_conf(self, min_precision: float) -> float | None:
        """Return the confidence with the highest recall at a precision of at least this.

        Detections of equal scores count together, as no confidence tells them apart. Of equal
        recalls it is the highest confidence; None where the precision is never reached.
        """
        confs = np.unique(self.scores)
        found, true = self.count_at(confs)
        reached = (true > 0) & (true / np.maximum(found, 1) >= min_precision)
        if not reached.any():
            return None
        return float(confs[reached & (true == true[reached].max())].max())


def compute_coco_metrics(
    store: BoxStore, class_names: Sequence[str], min_precisions: Sequence[float] = ()
) -> CocoMetrics:
    """Compute COCO's metrics, and precision, recall and F1 at the best confidence.

    For each of ``min_precisions`` the highest recall at that precision is added.

    COCO's own limit of 100 detections an image is not applied: all that an image has count,
    by default up to 300 in this project. pycocotools with ``maxDets = [1, 10, 300]`` gives the
    same numbers. A class without true boxes is left out of all means, with its detections.

    Raises:
        ValueError: A class id has no name.
    Source: https://cocodataset.org/#detection-eval and pycocotools ``cocoeval.py``.
    """
    truth = store.truth_by_class(len(class_names))
    found = store.found_by_class(len(class_names))
    scored = {
        i: ScoredClass(found[i].scores.astype(np.float64), found[i].is_true, len(truth[i]))
        for i in range(len(class_names))
        if len(truth[i])
    }
    conf = find_best_conf(list(scored.values()))
    limits = (1, 10, max(10, store.max_detections))
    rows = []
    for i, name in enumerate(class_names):
        row = BoxMetrics(name=name, images=len(np.unique(truth[i].image_ids)), boxes=len(truth[i]))
        if i in scored:
            curves = _accumulate_class(truth[i], found[i], max_detections=limits)
            row = msgspec.structs.replace(
                row,
                **_average_curves(*curves),
                **_find_points(scored[i], conf),
                recall_at={f"{p:g}": scored[i].find_recall(p) for p in min_precisions} or None,
            )
        rows.append(row)
    return CocoMetrics(
        overall=_average_rows(rows, labelled_images=store.labelled_image_count),
        classes=tuple(rows),
    )


def find_best_conf(classes: Sequence[ScoredClass]) -> float:
    """Return the threshold with the highest mean F1 of the classes; of equal ones the highest.

    Only scores of detections are candidates: the counts change nowhere else. Where no detection
    is right all thresholds are equal, and the answer is ``USUAL_CONF``, so that what is counted
    is what a person sees.
    """
    confs = np.unique(np.concatenate([[1.0], *(one.scores for one in classes)]))[::-1]
    total_f1 = np.zeros(len(confs))
    for one in classes:
        found, true = one.count_at(confs)
        total_f1 += 2 * true / (found + one.true_count)
    return float(confs[total_f1.argmax()]) if total_f1.any() else USUAL_CONF


def _find_points(one: ScoredClass, conf: float) -> dict[str, float]:
    precision, recall, f1 = one.operate_at(conf)
    best_conf = find_best_conf([one])
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "conf": conf,
        "best_conf": best_conf,
        "best_f1": one.operate_at(best_conf)[2],
    }


def _average_curves(precision: F64, recall: F64) -> dict[str, float | None]:
    """Return the metrics of one class, named as in :class:`BoxMetrics`."""
    precision = precision[..., _EVERY]
    return {
        "map50_95": _mean(precision[:, :, _ALL]),
        "map50": _mean(precision[_IOU_50, :, _ALL]),
        "map75": _mean(precision[_IOU_75, :, _ALL]),
        "map_small": _mean(precision[:, :, _SMALL]),
        "map_medium": _mean(precision[:, :, _MEDIUM]),
        "map_large": _mean(precision[:, :, _LARGE]),
        "ar": _mean(recall[:, _ALL, _EVERY]),
        "ar_1": _mean(recall[:, _ALL, _ONE]),
        "ar_10": _mean(recall[:, _ALL, _TEN]),
        "ar_small": _mean(recall[:, _SMALL, _EVERY]),
        "ar_medium": _mean(recall[:, _MEDIUM, _EVERY]),
        "ar_large": _mean(recall[:, _LARGE, _EVERY]),
    }


def _mean(values: F64) -> float | None:
    """Return the mean, or None where COCO marks with -1 that there is no true box."""
    return None if values.min() < 0 else float(values.mean())


def _average_rows(rows: Sequence[BoxMetrics], *, labelled_images: int) -> BoxMetrics:
    means = {}
    for name in BoxMetrics.__struct_fields__[3:-1]:
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        means[name] = sum(values) / len(values) if values else None
    shared: dict[str, Any] = {"best_conf": means["conf"], "best_f1": means["f1"]}
    shared["recall_at"] = _average_recalls([row.recall_at for row in rows if row.recall_at])
    return BoxMetrics(
        name="all", images=labelled_images, boxes=sum(row.boxes for row in rows), **means | shared
    )


def _average_recalls(classes: Sequence[dict[str, float]]) -> dict[str, float] | None:
    if not classes:
        return None
    return {key: sum(one[key] for one in classes) / len(classes) for key in classes[0]}


def _accumulate_class(
    truth: ClassTruth, found: ClassFound, *, max_detections: Sequence[int]
) -> tuple[F64, F64]:
    """Match one class's detections with its true boxes by COCO's rules.

    One class at a time: classes do not affect each other in COCO, and the records that the
    library wants take twenty times the memory of the arrays.

    Args:
        truth: The true boxes; none of them a crowd region.
        found: The detections.
        max_detections: M ascending limits of detections in an image.

    Returns:
        For T IoU thresholds 0.50, 0.55 ... 0.95, R recall levels 0, 0.01 ... 1, and the areas all,
        small, medium, large: the interpolated precision (T, R, 4, M) and the largest recall that
        is reached (T, 4, M), float64; -1 where there is no true box of an area.
    Source: pycocotools ``cocoeval.py``, which the library reimplements.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    image_ids = np.union1d(truth.image_ids, found.image_ids).tolist()
    records = _records(found.image_ids, found.xyxy.astype(np.float64))
    for record, score in zip(records, found.scores.tolist(), strict=True):
        record["score"] = score
    evaluation = COCOeval_faster(
        COCO(_dataset(image_ids, _records(truth.image_ids, truth.xyxy))),
        COCO(_dataset(image_ids, records)),
        "bbox",
    )
    evaluation.params.maxDets = list(max_detections)
    evaluation.evaluate()
    evaluation.accumulate()
    curves = evaluation.eval
    return curves["precision"][:, :, 0], curves["recall"][:, 0]


def _dataset(image_ids: list[int], records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "images": [{"id": image_id} for image_id in image_ids],
        "annotations": records,
        "categories": [{"id": _CATEGORY_ID, "name": ""}],
    }


def _records(image_ids: I64, xyxy: F64) -> list[dict[str, Any]]:
    columns = (image_ids.tolist(), xyxy_to_xywh(xyxy).tolist(), box_areas(xyxy).tolist())
    # Ids count from 1: the reference marks an unmatched box with the id 0.
    return [
        {
            "id": record_id,
            "image_id": image_id,
            "category_id": _CATEGORY_ID,
            "bbox": bbox,
            "area": area,
            "iscrowd": 0,
        }
        for record_id, (image_id, bbox, area) in enumerate(zip(*columns, strict=True), 1)
    ]
