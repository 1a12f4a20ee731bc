"""Which scores of each class to report: recommended from what a run's own validation found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.engine_protocol.validations import BEST_VALIDATION, read_validation
from yolokit.errors import TrainError
from yolokit.evaluate.trained import RECORD, read_run
from yolokit.metrics.coco import ScoredClass, find_best_conf
from yolokit.metrics.fitness import parse_fitness
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.engine_protocol.validations import Validation

FEWEST_BOXES = 20  # true ones of a class; the best score of fewer is mostly chance
LOWEST_CONF = 0.05  # below it a picture is full of boxes, however well they serve F1


class Recommended(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds for the classes of a model.

    Attributes:
        conf: One for each class, by its index: detections of lower scores are left out.
        source: What they were found on, and which classes share one, in a sentence.
    """

    conf: tuple[float, ...]
    source: str


def recommend_thresholds(
    weights: Path, weights_sha256: str, names: Sequence[str], imgsz: int
) -> Recommended | None:
    """Return thresholds for a run's ``best.pt``, from what it found when it was validated.

    Args:
        weights: The checkpoint, in the folder of its run.
        weights_sha256: What it is now.
        names: Its classes.
        imgsz: Size in px that it will take: scores of another size are others.

    Returns:
        None where the run's record does not have this file, or its validation was not kept, was
        of another size or epoch, or has too few boxes.
    """
    run = read_run(weights.parent / RECORD)
    if run is None or run.data.names != list(names) or run.config.imgsz != imgsz:
        return None
    if run.outputs.get(weights.name) != weights_sha256 or weights.name != "best.pt":
        return None
    try:
        found = read_validation(weights.parent / BEST_VALIDATION)
    except TrainError:  # of an earlier version, or a run that was killed just then
        return None
    if found.epoch != run.stopped.best:
        return None
    return choose_thresholds(found, names, _find_precision(run.config.fitness))


def _find_precision(fitness: str) -> float | None:
    """Return the precision that a training was to reach, if any."""
    try:
        return min(parse_fitness(fitness).min_precisions, default=None)
    except ValueError:  # of a later version
        return None


def choose_thresholds(
    validation: Validation, names: Sequence[str], min_precision: float | None = None
) -> Recommended | None:
    """Return the threshold of each class with the highest F1, or the highest recall at a precision.

    A class that never reaches the precision takes its highest F1. One with fewer than
    ``FEWEST_BOXES`` true boxes, or of which nothing is found, takes the threshold with the highest
    mean F1 of the others. None is below ``LOWEST_CONF``.

    Args:
        validation: What was found.
        names: All classes.
        min_precision: None for the highest F1.

    Returns:
        None where all classes are like the last.
    """
    scored = _score_classes(validation, len(names))
    if not scored:
        return None
    best = {index: _round(find_best_conf([one]), 3) for index, one in scored.items()}
    precise: dict[int, float] = {}
    if min_precision is not None:
        confs = {index: one.find_conf(min_precision) for index, one in scored.items()}
        # To more digits, so that no box below it comes with it.
        precise = {index: _round(conf, 6) for index, conf in confs.items() if conf is not None}
    common = _round(find_best_conf(list(scored.values())), 3)
    images, less = counted(len(validation.images), "image"), list[str]()
    what = "best F1"
    if min_precision is not None:
        what = f"highest recall at a precision of {min_precision:g}"
        less = [names[index] for index in best if index not in precise]
    source = f"{what} of each class on {images} of val"
    if less:
        source += f"; best F1 for {', '.join(less)}: never that precise"
    if sharing := [name for index, name in enumerate(names) if index not in best]:
        source += (
            f"; {common:g}, the best of all, for {', '.join(sharing)}: too few boxes, or none found"
        )
    own = best | precise
    return Recommended(
        conf=tuple(own.get(index, common) for index in range(len(names))), source=source
    )


def _score_classes(validation: Validation, class_count: int) -> dict[int, ScoredClass]:
    """Return the classes that have enough boxes to choose by, of which some are found."""
    store = BoxStore()
    for image in validation.images:
        store.add(image.true_xyxy.astype(np.float64), image.true_class_ids, image.found)
    truth, found = store.truth_by_class(class_count), store.found_by_class(class_count)
    return {
        index: ScoredClass(found[index].scores.astype(np.float64), found[index].is_true, len(true))
        for index, true in enumerate(truth)
        if len(true) >= FEWEST_BOXES and found[index].is_true.any()
    }


def _round(conf: float, digits: int) -> float:
    """Round down, so that the detection whose score it is stays."""
    parts: int = 10**digits
    return max(LOWEST_CONF, math.floor(conf * parts) / parts)
