"""What a validator of ours adds to upstream's: the figures of the file that is deployed.

Upstream forgets what it finds once it is counted, counts by a rule of its own, and computes in half
precision on a GPU. Ours keeps all boxes, computes in fp32 with the weights as a checkpoint has
them, and counts by ``yolokit val``'s code, so that an epoch's figures are those of its export.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.types import Detections
from yolokit.engine.used import OWN_METRIC
from yolokit.engine_protocol.validations import ValidatedImage, write_validation
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.fitness import DEFAULT, parse_fitness
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.metrics.fitness import Fitness

from ultralytics.engine.validator import BaseValidator  # isort: skip - after our edits
from ultralytics.utils import RANK  # isort: skip


class RecordingValidator(BaseValidator):  # type: ignore[misc]
    """Keeps the boxes of the last validation, image by image.

    It stands before upstream's validator of a task whose predictions have boxes.

    Attributes:
        fitness: What epochs are judged by: upstream's trainer takes it under this name.
    """

    fitness = parse_fitness(DEFAULT)

    def get_model(self, model: Any, trainer: Any = None) -> Any:
        """Return a model whose weights are rounded as those of a checkpoint are."""
        chosen = super().get_model(model, trainer)
        return chosen if trainer is None else deepcopy(chosen).half().float()

    def init_metrics(self, model: Any) -> None:
        """Begin a validation, in fp32: what the one before it found is dropped."""
        self.args.quantize = None
        super().init_metrics(model)
        self._images: list[ValidatedImage] = []

    def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
        """Count a batch as upstream does, and keep it."""
        super().update_metrics(preds, batch)
        for index, pred in enumerate(preds):
            self._images.append(_record(pred, self._prepare_batch(index, batch)))

    def get_stats(self) -> dict[str, Any]:
        """Return upstream's metrics with the values that ``yolokit val`` computes of the boxes."""
        names = list(self.names.values())
        return {**super().get_stats(), **_measure(self._images, names, self.fitness)}

    def gather_stats(self) -> None:
        """Gather what each worker of a run on several GPUs has."""
        super().gather_stats()
        if RANK == -1:
            return
        from torch import distributed

        parts: list[Any] | None = [None] * distributed.get_world_size() if RANK == 0 else None
        distributed.gather_object(self._images, parts, dst=0)
        if parts is not None:
            # The last batch may repeat images, so that all workers have as many.
            unique = {image.path: image for part in parts for image in part}
            self._images = list(unique.values())

    def publish(self, path: Path, epoch: int) -> None:
        """Write the last validation as that of an epoch."""
        write_validation(path, epoch, self._images)


def _measure(images: list[ValidatedImage], names: list[str], fitness: Fitness) -> dict[str, float]:
    """Return COCO's metrics under upstream's names, and the fitness.

    Where nothing is labelled, upstream's zeros stay.
    """
    store = BoxStore()
    for image in images:
        store.add(image.true_xyxy.astype(np.float64), image.true_class_ids, image.found)
    overall = compute_coco_metrics(store, names, fitness.min_precisions).overall
    measured = {
        "precision": overall.precision,
        "recall": overall.recall,
        "mAP50": overall.map50,
        "mAP50-95": overall.map50_95,
    }
    stats = {f"metrics/{name}(B)": value for name, value in measured.items() if value is not None}
    for share in fitness.min_precisions:
        reached = (overall.recall_at or {}).get(f"{share:g}", 0.0)
        measured[fitness.name] = stats[f"{OWN_METRIC}{fitness.name}"] = reached
    return {**stats, "fitness": measured[fitness.name] or 0.0}


def _record(pred: dict[str, Any], prepared: dict[str, Any]) -> ValidatedImage:
    """Return one image with boxes in its own px, of which those beyond its border stay so."""
    scores = pred["conf"].float().cpu().numpy().astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    height_px, width_px = prepared["ori_shape"]
    return ValidatedImage(
        path=str(prepared["im_file"]),
        image_wh=(int(width_px), int(height_px)),
        true_xyxy=_to_image(prepared["bboxes"], prepared["ratio_pad"]),
        true_class_ids=prepared["cls"].cpu().numpy().astype(np.int64),
        found=Detections(
            _to_image(pred["bboxes"], prepared["ratio_pad"])[order],
            scores[order],
            pred["cls"].cpu().numpy().astype(np.int64)[order],
        ),
    )


def _to_image(xyxy: Any, ratio_pad: Any) -> Any:
    """Return (N, 4) float32 boxes in px of the image; upstream's ``scale_boxes`` would clip them.

    Source: ultralytics ``utils/ops.py:scale_boxes``.
    """
    (gain_y, gain_x), (pad_x, pad_y) = ratio_pad
    boxes = xyxy.float().cpu().numpy().reshape(-1, 4)
    pad = np.array([pad_x, pad_y, pad_x, pad_y], np.float32)
    gain = np.array([gain_x, gain_y, gain_x, gain_y], np.float32)
    return ((boxes - pad) / gain).astype(np.float32)
