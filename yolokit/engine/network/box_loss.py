"""Which measure of two boxes the loss of box places is made of."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import ultralytics.utils.loss as _loss
from ultralytics.utils.metrics import bbox_iou

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

# Upstream's flags of `bbox_iou`. IoU: 1 - overlap, without a gradient where boxes do not meet.
# GIoU: Rezatofighi et al., 2019. DIoU and CIoU: Zheng et al., 2020.
FLAGS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {"iou": {}, "giou": {"GIoU": True}, "diou": {"DIoU": True}, "ciou": {"CIoU": True}}
)


def use_box_loss(kind: str) -> None:
    """Let the losses of this process, of each head, compare boxes in this way.

    Upstream's loss has CIoU written into it, and looks this function up where it was imported.
    The assignment of boxes to anchors is another module's, and keeps CIoU.
    """
    _loss.bbox_iou = bbox_iou if kind == "ciou" else partial(_compare, FLAGS[kind])


def _compare(
    flags: Mapping[str, bool],
    box1: torch.Tensor,
    box2: torch.Tensor,
    *,
    xywh: bool,
    CIoU: bool,  # noqa: N803 - upstream's name, in place of which the flags stand
) -> torch.Tensor:
    del CIoU
    measured: torch.Tensor = bbox_iou(box1, box2, xywh=xywh, **flags)
    return measured
