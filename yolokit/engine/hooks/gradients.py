"""``--watch gradients``: the norms of each layer's gradients, before they are clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.process import send
from yolokit.engine_protocol.gradients import CLIP_NORM, Gradients, LayerGradients

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits


class GradientNorms(Hook):
    """Sums norms up on the device, and reads them once an epoch: no step waits for a GPU."""

    def __init__(self) -> None:
        self._weights: list[torch.nn.Parameter] = []
        self._before: list[torch.Tensor] | None = None

    def on_epoch_start(self, trainer: YolokitTrainer) -> None:
        """Begin anew, with the layers that are trained."""
        network = unwrap_model(trainer.model).model
        self._layers = [
            (index, type(module).__name__, trained)
            for index, module in enumerate(network)
            if (trained := [one for one in module.parameters() if one.requires_grad])
        ]
        self._weights = [one for _, _, trained in self._layers for one in trained]
        device = self._weights[0].device
        places = [place for place, (*_, trained) in enumerate(self._layers) for _ in trained]
        self._places = torch.tensor(places, device=device)
        self._sum, self._max, self._ratio = torch.zeros(3, len(self._layers), device=device)
        self._counts = torch.zeros(3, device=device)  # finite, clipped, not finite
        self._before, self._is_measured = None, False

    def on_gradients(self, trainer: YolokitTrainer) -> None:
        """Add up the norms of a step, and keep the weights before the first one."""
        # A part may have no gradient in a step, as a head that nothing was assigned to.
        grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in self._weights]
        norms = self._norm_layers(grads) / trainer.scaler.get_scale()
        total = torch.linalg.vector_norm(norms)
        is_finite = torch.isfinite(total)
        norms = torch.where(is_finite, norms, 0.0)
        self._sum += norms
        self._max = torch.maximum(self._max, norms)
        self._counts += torch.stack([is_finite, is_finite & (total > CLIP_NORM), ~is_finite])
        if not self._is_measured:
            self._before = [one.detach().clone() for one in self._weights]

    def on_step(self, trainer: YolokitTrainer) -> None:
        """Compare the weights with what they were before the first step of the epoch."""
        del trainer
        if self._before is None:
            return
        weights = [one.detach() for one in self._weights]
        pairs = zip(weights, self._before, strict=True)
        change = self._norm_layers([new - old for new, old in pairs])
        self._ratio = change / self._norm_layers(self._before).clamp_min(1e-12)
        self._before, self._is_measured = None, True

    def on_epoch_end(self, trainer: YolokitTrainer) -> None:
        """Tell what was seen."""
        if not trainer.is_first:
            return
        steps, clipped, not_finite = (int(count) for count in self._counts.tolist())
        figures = (self._sum / max(steps, 1), self._max, self._ratio)
        rows: list[Any] = torch.stack(figures, dim=1).tolist()
        layers = [
            LayerGradients(
                layer=index,
                name=f"model.{index}",
                type=kind,
                mean=mean,
                max=most,
                update_ratio=ratio if self._is_measured else None,
            )
            for (index, kind, _), (mean, most, ratio) in zip(self._layers, rows, strict=True)
        ]
        send(
            Gradients(
                epoch=trainer.epoch + 1,
                steps=steps,
                clipped=clipped,
                not_finite=not_finite,
                layers=layers,
            )
        )

    def _norm_layers(self, tensors: list[torch.Tensor]) -> torch.Tensor:
        """Return the norm of each layer, (L,) float32."""
        norms = torch.stack([one.float() for one in torch._foreach_norm(tensors)])  # noqa: SLF001
        squares = torch.zeros(len(self._layers), device=norms.device)
        return squares.index_add_(0, self._places, norms.square()).sqrt()
