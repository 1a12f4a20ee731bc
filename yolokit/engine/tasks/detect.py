"""Detection: upright boxes, as upstream's ``Detect`` and its successors give them."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from yolokit.engine.recording import RecordingValidator
from yolokit.engine.trainer import YolokitTrainer
from yolokit.errors import ConfigError
from yolokit.metrics.fitness import parse_fitness

from ultralytics.models.yolo.detect import (  # isort: skip - after our edits
    DetectionTrainer,
    DetectionValidator,
)
from ultralytics.nn.tasks import DetectionModel  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIVITY = "detection"
MODEL = "detector"
HEADS = ("Detect", "v10Detect")
CLASS_BRANCHES = ("cv3", "one2one_cv3")
OUTPUTS = ("output0",)


class Validator(RecordingValidator, DetectionValidator):  # type: ignore[misc]
    """Validates a detector, and keeps what it finds."""


class Trainer(YolokitTrainer, DetectionTrainer):  # type: ignore[misc]
    """Trains a detector."""

    metric_names: ClassVar[Mapping[str, str]] = {
        "metrics/precision(B)": "precision",
        "metrics/recall(B)": "recall",
        "metrics/mAP50(B)": "mAP50",
        "metrics/mAP50-95(B)": "mAP50-95",
    }

    def get_validator(self) -> Validator:
        """Return a validator that keeps what it finds; otherwise as upstream does."""
        settings = copy(self.args)
        validator = Validator(
            self.test_loader, save_dir=self.save_dir, args=settings, _callbacks=self.callbacks
        )
        validator.fitness = parse_fitness(self.own.fitness)
        return validator


def build(arch: dict[str, Any], class_count: int) -> Any:
    """Build upstream's model of an architecture, which is changed, with fresh weights."""
    return DetectionModel(arch, nc=class_count, verbose=False)


def choose_head(model: Any, layout: str | None) -> None:
    """Let a model give all candidates (``raw``) or boxes that need no NMS (``end2end``).

    YOLO26 and YOLOv10 are trained with both heads; one that was fused has only one left.
    """
    if layout is None:
        return
    head = model.model[-1]
    parts = {"raw": getattr(head, "cv2", None), "end2end": getattr(head, "one2one_cv2", None)}
    has = [name for name, part in parts.items() if part is not None]
    if layout not in has:
        raise ConfigError(
            f"{_name_architecture(model)} has no {layout} head; it has {' and '.join(has)} alone",
            hint="it can be exported without naming a head",
        )
    head.end2end = layout == "end2end"


def _name_architecture(model: Any) -> str:
    """Return what an architecture is called, such as ``yolo11n``."""
    path = str(model.yaml.get("yaml_file", ""))
    return Path(path).stem or "this model"


def tell_layout(model: Any) -> str:
    """Return ``end2end``, (B, K, 6), for a head that chooses boxes itself, else ``raw``."""
    return "end2end" if getattr(model.model[-1], "end2end", False) else "raw"


def list_size_axes(layout: str) -> Mapping[str, dict[int, str]]:
    """Return that a raw output has a column for each anchor; how many boxes are chosen is fixed."""
    return {OUTPUTS[0]: {2: "anchors"}} if layout == "raw" else {}
