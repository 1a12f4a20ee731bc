"""The loss of the classes that are added: their levels, their rows and their boxes alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from yolokit.engine import ultralytics_patches  # noqa: F401 - before upstream
from yolokit.engine.tasks._class_groups import find_last_group

from ultralytics.utils.loss import E2ELoss, v8DetectionLoss  # isort: skip


class NewClassesLoss(v8DetectionLoss):  # type: ignore[misc]
    """Upstream's loss, of a detector that would have the last group alone."""

    def __init__(self, model: Any, tal_topk: int = 10, tal_topk2: int | None = None) -> None:
        self.group = group = find_last_group(model)
        head = model.model[-1]
        weights = getattr(model, "class_weights", None)
        if weights is not None:  # upstream's, with a mean of 1 over all classes
            weights = weights[group.class_id :] / weights[group.class_id :].mean()
        alone = SimpleNamespace(
            args=model.args,
            parameters=model.parameters,
            class_weights=weights,
            model=[
                SimpleNamespace(
                    stride=head.stride[group.level :], nc=group.classes, reg_max=head.reg_max
                )
            ],
        )
        super().__init__(alone, tal_topk, tal_topk2)

    def loss(self, preds: dict[str, Any], batch: dict[str, Any]) -> Any:
        """Return what upstream does, of boxes of new classes and anchors of new levels."""
        feats = preds["feats"][self.group.level :]
        anchors = sum(feat.shape[2] * feat.shape[3] for feat in feats)
        own = {
            "feats": feats,
            "boxes": preds["boxes"][..., -anchors:],
            "scores": preds["scores"][:, self.group.class_id :, -anchors:],
        }
        return super().loss(own, self._select(batch))

    def _select(self, batch: dict[str, Any]) -> dict[str, Any]:
        chosen = batch["cls"].view(-1) >= self.group.class_id
        return {
            "batch_idx": batch["batch_idx"].view(-1)[chosen],
            "cls": batch["cls"].view(-1)[chosen] - self.group.class_id,
            "bboxes": batch["bboxes"][chosen],
        }


def make_criterion(model: Any) -> Any:
    """Return the loss of a model whose last group of classes is trained."""
    if getattr(model.model[-1], "one2one_cv2", None) is not None:
        return E2ELoss(model, NewClassesLoss)
    return NewClassesLoss(model)
