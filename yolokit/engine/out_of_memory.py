"""What a training does when memory runs out: it goes on with fewer images at once.

Upstream halves the batch on a single GPU in the first epoch, and ends anywhere else. Here a
training on one device, a CPU as well, goes back to its last whole epoch in any case, and a
validation is made again. The images of a step of the optimizer (``nbs``) stay as many: the smaller
batches are added up.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from yolokit.core.events import Notice
from yolokit.core.plural import counted
from yolokit.engine.failures import is_out_of_memory
from yolokit.engine.process import send
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.engine.trainer import YolokitTrainer
    from yolokit.engine_protocol.requests import TrainRequest

from ultralytics.utils import RANK  # isort: skip - after our edits

_SMALL_PX = 64  # below it, no batch may be a single image: its deepest features have no variance


def train_within_memory(trainer: YolokitTrainer, request: TrainRequest) -> TrainRequest | None:
    """Train; where memory runs out, return the request to go on with.

    Returns:
        None if the training has ended by itself.

    Raises:
        TrainError: Memory ran out, and no smaller batch can help.
    """
    try:
        trainer.train()
    except Exception as error:
        # Without a loader it was the images in memory that did not fit, not a batch of them.
        if not is_out_of_memory(error) or RANK != -1 or not hasattr(trainer, "test_loader"):
            raise
    else:
        return None
    # After the error is gone: its traceback holds on to what filled the memory.
    smaller = _ask_for_less(trainer, request)
    trainer.loss = None  # and with it the gradients' graph
    _free(trainer)
    return smaller


def validate_within_memory(trainer: YolokitTrainer, validate: Callable[[], Any]) -> Any:
    """Validate; where memory runs out, once more with half as many images at once."""
    while True:
        try:
            return validate()
        except Exception as error:
            batch = trainer.test_loader.batch_size
            if not is_out_of_memory(error) or RANK != -1 or batch == 1:
                raise
        trainer.val_batch = batch // 2
        before, now = counted(batch, "image"), counted(trainer.val_batch, "image")
        send(
            Notice(
                f"memory ran out in the validation, with {before} at once: it is made again with "
                f"{now}, and so are those that follow"
            )
        )
        _free(trainer)
        trainer.test_loader = trainer.get_dataloader(
            trainer.data[trainer.args.split], batch_size=trainer.val_batch, rank=-1, mode="val"
        )
        trainer.validator.dataloader = trainer.test_loader


def _ask_for_less(trainer: YolokitTrainer, request: TrainRequest) -> TrainRequest:
    """Return a request with half the batch, that goes on after the last whole epoch."""
    batch, epoch = int(trainer.batch_size), getattr(trainer, "epoch", -1) + 1
    imgsz = trainer.args.imgsz
    smaller = _halve(batch, len(trainer.train_loader.dataset), imgsz)
    what = f"memory ran out in epoch {epoch} with batch {batch} at imgsz {imgsz}"
    if smaller is None:
        raise TrainError(
            f"{what}, and there is no smaller one",
            hint="take a smaller --imgsz, or a smaller network",
        )
    begun = (trainer.run_dir / STATE_FILE).is_file()
    back = f"after epoch {epoch - 1}" if begun and epoch > 1 else "from the start"
    nbs = trainer.args.nbs
    send(
        Notice(
            f"{what}: going on {back} with batch {smaller}; a step of the optimizer still has "
            f"{counted(nbs, 'image')} (nbs)"
        )
    )
    settings = request.settings | {"batch": smaller}
    if not begun:
        return msgspec.structs.replace(request, settings=settings)
    # Patience begins anew once; what classes are added is known by now.
    patience_anew = trainer.own.patience_anew and epoch == trainer.start_epoch + 1
    return msgspec.structs.replace(
        request,
        settings=settings,
        start=None,
        freeze=list(trainer.args.freeze or []),
        own=msgspec.structs.replace(trainer.own, patience_anew=patience_anew),
    )


def _halve(batch: int, images: int, imgsz: int) -> int | None:
    """Return the next smaller batch, at most half of one; None where there is none."""
    for smaller in range(batch // 2, 0, -1):
        if imgsz >= _SMALL_PX or (images % smaller or smaller) != 1:
            return smaller
    return None


def _free(trainer: YolokitTrainer) -> None:
    """Let go of batches, and of the processes that load them; others are made when needed."""
    for loader in (trainer.train_loader, trainer.test_loader):
        loader.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
