"""What the validations of a run found, as its folder keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.engine_protocol.validations import (
    BEST_VALIDATION,
    START_VALIDATION,
    read_validation,
)
from yolokit.errors import TrainError
from yolokit.evaluate.resampling import compare_sets, match_set
from yolokit.labels.model import Annotations
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolokit.core.types import Detections
    from yolokit.engine_protocol.validations import Validation
    from yolokit.evaluate.resampling import Difference, MatchedSet
    from yolokit.metrics.fitness import Fitness
    from yolokit.train.record import RunRecord


def read_best(run_dir: Path, record: RunRecord) -> Validation:
    """Return what ``best.pt`` found on val when it was validated in training.

    Raises:
        TrainError: It was not kept: by an earlier version, without validation, or since the run
            was killed just then.
    """
    found = read_validation(run_dir / BEST_VALIDATION)
    best = record.best
    if best is None or best.epoch != found.epoch:
        raise TrainError(
            f"{run_dir / BEST_VALIDATION} is of epoch {found.epoch}, and best.pt is not"
        )
    _check_classes(found, record)
    return found


def read_start(run_dir: Path, record: RunRecord) -> Validation:
    """Return what the start found on val before any training.

    Raises:
        TrainError: It was not measured or not kept.
    """
    found = read_validation(run_dir / START_VALIDATION)
    _check_classes(found, record)
    return found


def iter_pairs(validation: Validation) -> Iterator[tuple[str, Annotations, Detections]]:
    """Yield path, true boxes and detections of each image, as an analysis wants them."""
    for image in validation.images:
        count = len(image.true_class_ids)
        truth = Annotations(
            image.true_class_ids, image.true_xyxy.astype(np.float64), np.arange(count)
        )
        yield image.path, truth, image.found


def match_validation(validation: Validation, class_count: int) -> MatchedSet:
    """Match what a validation found with what is true."""
    pairs = iter_pairs(validation)
    return match_set(((true.xyxy, true.category_indices, found) for _, true, found in pairs),
                     class_count)  # fmt: skip


def measure_classes(validation: Validation, names: Sequence[str]) -> dict[str, float | None]:
    """Return mAP50-95 of each class, as COCO measures; None where nothing is true."""
    store = BoxStore()
    for _path, truth, found in iter_pairs(validation):
        store.add(truth.xyxy, truth.category_indices, found)
    return {row.name: row.map50_95 for row in compute_coco_metrics(store, names).classes}


def count_unfound(validation: Validation, class_count: int) -> dict[int, int]:
    """Return the classes of which no object was found, each with how many objects there are.

    An object is found by a box of its class, whatever its score, that overlaps it by half.
    """
    matched = match_validation(validation, class_count).classes
    return {
        class_id: int(one.true_counts.sum())
        for class_id, one in enumerate(matched)
        if one.true_counts.any() and not len(one.true_rows[0])
    }


def compare_validations(
    first: Validation, second: Validation, class_count: int, metric: Fitness
) -> Difference:
    """Compare two models by a metric on the images that both were validated on.

    Raises:
        TrainError: Those are not the same, or their labels are not.
    """
    if [image.path for image in first.images] != [image.path for image in second.images]:
        images = counted(len(first.images), "image")
        raise TrainError(f"they were not validated on the same {images}")
    for image, again in zip(first.images, second.images, strict=True):
        if not np.array_equal(image.true_class_ids, again.true_class_ids):
            raise TrainError(f"the labels of {image.path} were not the same")
    one, other = (match_validation(each, class_count) for each in (first, second))
    return compare_sets(one, other, metric)


def _check_classes(found: Validation, record: RunRecord) -> None:
    """Refuse a file whose class ids are not those of the run."""
    count = len(record.data.names)
    for image in found.images:
        for ids in (image.true_class_ids, image.found.class_ids):
            if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < count:
                raise TrainError(f"the detections kept for {image.path} are of another data set")
