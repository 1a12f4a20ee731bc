"""Tells at which batch a loss became NaN or infinite, and of which images it was made."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from yolokit.core.events import Notice
from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.mixed_images import list_images
from yolokit.engine.process import send
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits

_SHOWN = 8
ADVICE = (
    "look at these images and their labels; if they are sound, set an `optimizer` with a smaller "
    "`lr0`, or `precision: fp32`, in the file of --config"
)


class NotFinite(Hook):
    """Looks at each loss, which is read for the progress anyway, and tells of an epoch's first.

    Upstream looks at the last batch of an epoch, when the batch that began it is long forgotten.
    """

    def __init__(self) -> None:
        self._images: Sequence[str] = ()
        self._is_told = False

    def on_epoch_start(self, trainer: YolokitTrainer) -> None:
        """Begin anew; the epoch may be trained once more."""
        del trainer
        self._is_told = False

    def on_batch(self, trainer: YolokitTrainer, batch: dict[str, Any]) -> None:
        """Remember the images of a batch."""
        del trainer
        self._images = batch["im_file"]

    def on_batch_end(self, trainer: YolokitTrainer) -> None:
        """Tell of a loss that is not a number; in the first epoch, end where weights are lost too.

        Raises:
            TrainError: There is no epoch to go back to.
        """
        if self._is_told or math.isfinite(float(trainer.loss)):
            return
        self._is_told = True
        what = self._describe(trainer)
        images = list_images(self._images)
        print("\n".join([f"{what}; the images of the batch:", *images]), flush=True)
        sentence = f"{what}; {describe_images(images)}"
        if trainer.epoch == trainer.start_epoch and not are_finite(unwrap_model(trainer.model)):
            raise TrainError(f"{sentence}; the weights are lost with it", hint=ADVICE)
        if trainer.is_first:
            send(Notice(f"{sentence}; {ADVICE}"))

    def _describe(self, trainer: YolokitTrainer) -> str:
        """Say where it happened, and in which parts of the loss."""
        bad = [name for name, value in trainer.loss_items.items() if not math.isfinite(value)]
        parts = f" ({', '.join(bad)})" if bad else ""
        place = f"epoch {trainer.epoch + 1}, batch {trainer.batch_number} of"
        value = "NaN" if math.isnan(float(trainer.loss)) else "infinite"
        return f"{place} {trainer.cadence.batches}: the loss is {value}{parts}"


def describe_images(images: Sequence[str]) -> str:
    """Name the images of a batch, and where the rest of them is named."""
    folder = os.path.commonpath([Path(image).parent for image in images])
    named = ", ".join(os.path.relpath(image, folder) for image in images[:_SHOWN])
    more = len(images) - _SHOWN
    rest = f" and {more} more, which train.log names," if more > 0 else ""
    return f"the batch was made of {named}{rest} in {folder}"


def are_finite(model: torch.nn.Module) -> bool:
    """Tell whether all weights of a network are numbers."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
