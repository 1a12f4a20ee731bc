"""Gradients of several processes that add up to those of one.

Upstream divides the loss of a batch by the sum of its target scores, in each process by its own.
Processes whose images hold fewer objects then count more, and the mean over processes is not the
loss of the whole batch. Here all divide by the sum over all processes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed

from yolokit.engine import ultralytics_patches  # noqa: F401 - before upstream's modules

from ultralytics.utils.loss import v8DetectionLoss  # isort: skip


def share_normalizer() -> None:
    """Divide upstream's detection loss by what all processes of a batch have in common."""
    v8DetectionLoss.get_assigned_targets_and_loss = _assign_and_divide


def _assign_and_divide(self: Any, preds: Any, batch: Any, **options: Any) -> Any:
    if not torch.is_grad_enabled():  # a validation, in which processes have different batches
        return _upstream(self, preds, batch, **options)
    seen: list[torch.Tensor] = []
    hook = self.assigner.register_forward_hook(lambda _m, _args, out: seen.append(out[2].sum()))
    try:
        targets, loss, items = _upstream(self, preds, batch, **options)
    finally:
        hook.remove()
    own_sum, own_images = seen[0].float(), float(preds["scores"].shape[0])
    total = torch.stack([own_sum, own_sum.new_tensor(own_images)])
    distributed.all_reduce(total)
    share = own_sum.clamp(min=1) / total[0].clamp(min=1)
    # The caller multiplies the loss by the images of this process, and not of all; the items are
    # averaged over the processes.
    items = {name: item * share * distributed.get_world_size() for name, item in items.items()}
    return targets, loss * (share * total[1] / own_images), items


_upstream = v8DetectionLoss.get_assigned_targets_and_loss
