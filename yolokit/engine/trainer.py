"""The trainer: upstream's, with events, atomic checkpoints, and the CPU used as it can be."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import torch

from yolokit.core.checkpoint import LINEAGE_KEY
from yolokit.core.child import BatchEnd, EpochEnd, Phase
from yolokit.engine import process
from yolokit.engine.listed import tell_used
from yolokit.engine.saving import publish_checkpoint, strip_all
from yolokit.engine.upstream import has_native_bf16_cpu, use_cores
from yolokit.errors import ConfigError

from ultralytics.models.yolo.detect import DetectionTrainer  # isort: skip - after our edits
from ultralytics.utils import RANK  # isort: skip

# Environment rather than arguments: the workers of a run on several GPUs inherit it.
RUN_DIR = "YOLOKIT_ENGINE_RUN_DIR"
THREADS = "YOLOKIT_ENGINE_THREADS"
LINEAGE = "YOLOKIT_ENGINE_LINEAGE"


class YolokitTrainer(DetectionTrainer):  # type: ignore[misc]
    """Trains one detector in ``<run>/engine`` and publishes its checkpoints to ``<run>``."""

    model: Any
    metrics: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run_dir = Path(os.environ[RUN_DIR])
        self.on_cpu = self.device.type == "cpu"
        if self.on_cpu:
            use_cores(int(os.environ[THREADS]))
        if self.args.amp is True:
            self.args.amp = self._native_precision()
        elif self.args.amp == "fp16" and self.on_cpu:
            raise ConfigError("a CPU trains in fp32 or bf16, not in fp16", hint="--precision auto")
        self._epoch_began = time.monotonic()
        self.callbacks["on_val_batch_end"].append(_check_stop)

    def run_callbacks(self, event: str) -> None:
        """Run upstream's callbacks, then ours of the same name."""
        super().run_callbacks(event)
        own = getattr(self, f"_{event}", None)
        if own is not None and RANK in {-1, 0}:
            own()

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Build a data set, which must hold the images that were checked, and no others."""
        dataset = super().build_dataset(img_path, mode, batch)
        if RANK in {-1, 0}:
            tell_used(dataset, img_path, mode)
        return dataset

    def set_model_attributes(self) -> None:
        """Attach names, settings and origin; lay the weights out as the CPU's kernels want them."""
        super().set_model_attributes()
        # On the model, not beside it: so it survives whatever takes the optimizer out of the file.
        setattr(self.model, LINEAGE_KEY, os.environ[LINEAGE])
        if self.on_cpu:
            # Measured with yolo11n at 320 px: a step takes 0.7 of the time in this layout.
            self.model = self.model.to(memory_format=torch.channels_last)

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Scale images to [0, 1], in the memory layout of the weights."""
        batch = super().preprocess_batch(batch)
        if self.on_cpu:
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        return batch

    def save_model(self) -> bool:
        """Save in the working folder, then publish each checkpoint in one step."""
        saved = bool(super().save_model())
        publish_checkpoint(self.last, self.run_dir / "last.pt")
        if self.best_fitness == self.fitness:
            publish_checkpoint(self.best, self.run_dir / "best.pt")
        return saved

    def final_eval(self) -> None:
        """Strip the optimizer; evaluation is ``yolokit val``'s, on the file that is deployed."""
        if RANK in {-1, 0}:
            strip_all(self.run_dir)

    def keep_progress(self) -> None:
        """Leave a usable ``last.pt`` when the first epoch is interrupted; it counts as none."""
        if self.ema is not None and not (self.run_dir / "last.pt").exists():
            self.metrics = self.metrics or {}
            self.epoch = -1
            self.save_model()

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Go on behind the last whole epoch; upstream refuses where there is none."""
        if ckpt is not None and self.resume and ckpt["epoch"] < 0:
            self._load_checkpoint_state(ckpt)
        else:
            super().resume_training(ckpt)

    def _native_precision(self) -> str | bool:
        if self.on_cpu:
            return "bf16" if has_native_bf16_cpu() else False
        if self.device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return False

    def _on_train_start(self) -> None:
        process.send(Phase("training"))

    def _on_train_epoch_start(self) -> None:
        self._epoch_began = time.monotonic()

    def _on_train_batch_end(self) -> None:
        process.check_stop()
        self._batches_done = getattr(self, "_batches_done", 0) + 1
        batches = len(self.train_loader)
        process.send(
            BatchEnd(
                epoch=self.epoch + 1,
                epochs=self.epochs,
                batch=(self._batches_done - 1) % batches + 1,
                batches=batches,
                images=self.batch_size,
                losses=_finite(self.tloss),
            )
        )

    def _on_fit_epoch_end(self) -> None:
        metrics = {**self.label_loss_items(self.tloss), **(self.metrics or {}), **self.lr}
        process.send(
            EpochEnd(
                epoch=self.epoch + 1,
                epochs=self.epochs,
                metrics=_finite(metrics),
                seconds=time.monotonic() - self._epoch_began,
            )
        )


def _finite(values: dict[str, Any]) -> dict[str, float]:
    """Leave out NaN and infinity, which JSON does not know; upstream recovers from them."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _check_stop(_validator: object) -> None:
    process.check_stop()
