"""Tells at which batch a loss became NaN or infinite, and of which images it was made."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.events import Notice
from yolokit.engine.distributed.group import is_any
from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.mixed_images import list_images
from yolokit.engine.process import send
from yolokit.engine.recovery import GENTLER, are_finite
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits

_SHOWN = 8
_ADVICE = f"look at these images and their labels; if they are sound, {GENTLER}"


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
        """Tell of a loss that is not a number; end where weights are lost with it, for good.

        Of several processes, those tell that had the batch: the weights that they lose make the
        losses of all others NaN one batch later.

        Raises:
            TrainError: There is no epoch to go back to.
        """
        is_here = not math.isfinite(float(trainer.loss))
        if self._is_told or not is_any(is_here, trainer.device):
            return
        self._is_told = True
        if not is_here:
            return
        what = self._describe(trainer)
        images = list_images(self._images)
        print("\n".join([f"{what}; the images of the batch:", *images]), flush=True)
        sentence = f"{what}; {describe_images(images)}"
        is_lost = not are_finite(unwrap_model(trainer.model))
        # Another machine does not have what the first one can go back to.
        if is_lost and trainer.own.leads and not (trainer.run_dir / STATE_FILE).is_file():
            raise TrainError(f"{sentence}; the weights are lost with it", hint=_ADVICE)
        send(Notice(f"{sentence}; {_ADVICE}"))

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
