"""The batches job: what a training feeds the network, taken from the trainer itself.

The training really begins, with its loader, its settings and its seed; each batch is taken where
the trainer hands it to the network, and the last one ends it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.engine.process import Job, check_stop, serve
from yolokit.engine.train import make_trainer, prepare, start_torch
from yolokit.engine_protocol.requests import BatchesRequest
from yolokit.engine_protocol.training import FedBatches, FedImage

if TYPE_CHECKING:
    from yolokit.core.types import F64
    from yolokit.engine.trainer import YolokitTrainer


class _EnoughError(Exception):
    """Ends a training once there are as many images as are wanted."""


class _Taker:
    """Takes the images of each batch that a trainer hands to the network."""

    def __init__(self, trainer: YolokitTrainer, request: BatchesRequest) -> None:
        self.images: list[FedImage] = []
        self._folder, self._count = Path(request.folder), request.count
        self._prepare = trainer.preprocess_batch
        trainer.preprocess_batch = self._take  # type: ignore[method-assign]
        trainer.add_callback("on_train_epoch_end", self._end)
        if request.last_epochs:
            trainer.add_callback("on_train_start", _skip_to_last_epochs)

    def _take(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Take what the trainer's own preparation of a batch makes: multi-scale is part of it."""
        check_stop()
        batch = self._prepare(batch)
        for at, (file, pixels) in enumerate(zip(batch["im_file"], batch["img"], strict=True)):
            if len(self.images) == self._count:
                break
            values = (pixels.float().cpu() * 255).round().byte().numpy()
            image = np.ascontiguousarray(values.transpose(1, 2, 0)[..., ::-1])
            np.save(self._folder / f"{len(self.images)}.npy", image, allow_pickle=False)
            self.images.append(_read_labels(batch, at, str(file), image.shape))
        if len(self.images) == self._count:
            raise _EnoughError
        return batch

    def _end(self, _trainer: object) -> None:
        raise _EnoughError


def take_batches(request: BatchesRequest) -> dict[str, Any]:
    """Write images, and return a :class:`FedBatches`."""
    pace = start_torch(request.training)
    trainer = make_trainer(*prepare(request.training), pace)
    taker = _Taker(trainer, request)
    with contextlib.suppress(_EnoughError):
        trainer.train()
    fed = FedBatches(images=taker.images, batch=trainer.batch_size, epoch=trainer.epoch + 1)
    plain: dict[str, Any] = msgspec.to_builtins(fed)
    return plain


def _skip_to_last_epochs(trainer: Any) -> None:
    trainer.start_epoch = max(0, trainer.epochs - trainer.args.close_mosaic)


def _read_labels(batch: dict[str, Any], at: int, file: str, shape: tuple[int, ...]) -> FedImage:
    """Return the labels of one image of a batch, in px."""
    rows = batch["batch_idx"] == at
    cxcywh: F64 = batch["bboxes"][rows].cpu().numpy().astype(np.float64)
    xyxy = cxcywh_to_xyxy(cxcywh) * np.array([shape[1], shape[0]] * 2)
    class_ids = batch["cls"][rows].flatten().cpu().numpy().astype(np.int64)
    return FedImage(image=file, class_ids=class_ids.tolist(), xyxy=xyxy.tolist())


JOB = Job(BatchesRequest, take_batches)

if __name__ == "__main__":
    serve(JOB)
