"""What every trainer adds to upstream's: events, checkpoints in one step, good use of a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import torch

from yolokit.checkpoints.lineage import LINEAGE_KEY
from yolokit.core.events import Phase
from yolokit.engine import process
from yolokit.engine.adding import renumber
from yolokit.engine.cadence import Cadence
from yolokit.engine.deployed_images import build_deployed_images
from yolokit.engine.distributed import group as workers
from yolokit.engine.distributed.loss import share_normalizer
from yolokit.engine.distributed.order import order_images
from yolokit.engine.hooks import make_hooks
from yolokit.engine.hooks.toolkit import MOMENTS
from yolokit.engine.network.dropout import set_dropout
from yolokit.engine.out_of_memory import validate_within_memory
from yolokit.engine.own_settings import read_own_settings
from yolokit.engine.precision import choose_precision
from yolokit.engine.progress import EpochProgress, describe_batch, describe_epoch, tell_settings
from yolokit.engine.rate import settle
from yolokit.engine.recovery import recover
from yolokit.engine.resumption import go_on
from yolokit.engine.room import require_room
from yolokit.engine.saving import publish_checkpoint, strip_all
from yolokit.engine.seeding import seed_images
from yolokit.engine.start_score import keep_start, measure_start
from yolokit.engine.state import write_state
from yolokit.engine.used import report_images
from yolokit.engine_protocol.training import is_better
from yolokit.engine_protocol.validations import BEST_VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.engine.hooks.toolkit import Hook
    from yolokit.engine.threads import Pace
    from yolokit.engine_protocol.own_settings import OwnSettings
    from yolokit.engine_protocol.training import MemoryNeeds

from yolokit.engine.network.box_loss import use_box_loss  # isort: skip - after our edits
from ultralytics.engine.trainer import BaseTrainer  # isort: skip
from ultralytics.utils import RANK  # isort: skip


class YolokitTrainer(BaseTrainer):  # type: ignore[misc]
    """Trains one model in ``<run>/engine`` and publishes its checkpoints to ``<run>``.

    It stands before upstream's trainer of a task: ``class Trainer(YolokitTrainer, ...)`` in the
    task's module of ``engine.tasks``.

    Attributes:
        metric_names: Upstream's names of the task's metrics -> ours.
        own: What it needs beyond upstream's settings.
        hooks: What looks on.
        pace: How many threads compute on a CPU; None on another device.
        lr0_reason: Why the initial rate is not the one that upstream would take.
        needs: What it needs of the memory, once that is measured.
        val_batch: Most images of a batch of the validation, where memory ran out; else None.
        is_best: Whether the epoch that was validated last is the best so far.
        retries: How often this epoch was lost to NaN or infinity.
        progress: How far it is.
    """

    metric_names: ClassVar[Mapping[str, str]]
    model: Any
    metrics: Any
    loss: Any
    epoch: int
    start_epoch: int
    best_fitness: float | None
    accumulate: int
    world_size: int
    tloss: Any
    pace: Pace | None = None
    own: OwnSettings
    hooks: Sequence[Hook] = ()
    lr0_reason: str | None = None
    val_batch: int | None = None
    needs: MemoryNeeds | None = None
    is_best = False
    retries = 0
    progress: EpochProgress
    _is_settled = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.own = read_own_settings()
        self.run_dir = Path(self.own.run_dir)
        self.hooks = make_hooks(self.own)
        super().__init__(*args, **kwargs)
        self.world_size = max(self.world_size, workers.count_workers())
        self.on_cpu = self.device.type == "cpu"
        self.args.workers = kwargs["overrides"]["workers"]  # upstream takes none without a GPU
        # As it was asked for: upstream resumes with what another device may have chosen.
        asked = True if kwargs["overrides"]["amp"] is True else self.args.amp
        self.args.amp = choose_precision(asked, self.device)
        self.begin_epoch()
        self.callbacks["on_val_batch_end"].append(_check_stop)

    @property
    def batch_number(self) -> int:
        """Which batch of its epoch makes a step, or has just ended, from 1."""
        return self.progress.batch

    @property
    def is_first(self) -> bool:
        """Whether this is the process that reports and writes."""
        return RANK in {-1, 0}

    def run_callbacks(self, event: str) -> None:
        """Run upstream's callbacks, then ours of the same name."""
        super().run_callbacks(event)
        self._take_note(event)
        if event in MOMENTS:
            for hook in self.hooks:
                getattr(hook, MOMENTS[event])(self)
        own = getattr(self, f"_{event}", None)
        if own is not None and self.is_first:
            own()
        if event == "on_train_batch_end":
            self.progress.clock.end_batch()
        elif event == "on_fit_epoch_end":
            self.retries = 0

    def _take_note(self, event: str) -> None:
        """Do what each process has to do at an event, before anyone else hears of it."""
        if event == "on_pretrain_routine_end":
            require_room(self)
            measure_start(self)
        elif event == "on_train_start":
            self.order.restart(self.start_epoch)
        elif event == "on_train_epoch_start":
            self.begin_epoch()
        elif event == "on_train_batch_start":
            self.progress.clock.start_batch()
        elif event == "on_train_epoch_end":
            self.tloss = workers.average(self.tloss)

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Build a data set, which must hold the images that were checked, and no others."""
        if mode == "val":
            dataset = build_deployed_images(self, img_path, batch)
        else:
            dataset = super().build_dataset(img_path, mode, batch)
        if self.own.adding is not None and self.own.adding.classes is not None:
            renumber(dataset, self.own.adding.classes, mode)
        if self.is_first:
            report_images(dataset, img_path, mode, leave_out=self.own.leave_out)
        return dataset

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Any:
        """Build a loader; in training, all processes together take the images of one order."""
        if mode == "val" and self.val_batch is not None:
            batch_size = min(batch_size, self.val_batch)
        loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
        if mode == "train":
            self.order = order_images(loader, self.own.repeat_factor, self.args.seed)
            seed_images(loader.dataset, self.args.seed)
            self.order.restart(getattr(self, "epoch", self.start_epoch))
        return loader

    def _close_dataloader_mosaic(self) -> None:
        """End mosaics; upstream's loader is made anew, and begins with this epoch."""
        super()._close_dataloader_mosaic()
        self.order.restart(self.epoch)

    def _setup_ddp(self) -> None:
        """Enter the group of processes that train together."""
        self.device = workers.join()
        share_normalizer()

    def begin_epoch(self) -> None:
        """Count anew; also after an epoch that upstream broke off, whose gradients it drops."""
        self.progress = EpochProgress()
        self.is_best = self.best_fitness is None

    def _build_train_pipeline(self) -> None:
        """Build it, and decide here, not upstream, when the optimizer steps."""
        super()._build_train_pipeline()
        batches = len(self.train_loader)
        self.asked_warmup = super()._get_warmup_iterations(batches)
        self.cadence = Cadence.fit(
            batches=batches, full=self.accumulate, warmup=self.asked_warmup, epochs=self.epochs
        )
        self.accumulate = 1  # so that upstream calls optimizer_step after every batch
        if self._is_settled:  # upstream halves the batch where memory runs out, and begins anew
            tell_settings(
                self, f"the device ran out of memory: going on with batch {self.batch_size}"
            )

    def build_optimizer(
        self, model: Any, name: str = "auto", lr: float = 0.001, **options: Any
    ) -> Any:
        """Build it as upstream does, with what is left open chosen by our own rules."""
        if not self.resume:  # which has what was chosen then
            name, lr, options["momentum"] = settle(self, name, lr, options["momentum"])
        return super().build_optimizer(model, name=name, lr=lr, **options)

    def _get_warmup_iterations(self, num_batches: int) -> int:  # noqa: ARG002 - upstream's signature
        return self.cadence.warmup

    def optimizer_step(self) -> None:
        """Step if it is time to; every batch ends here."""
        progress = self.progress
        progress.batch, progress.pending = progress.batch + 1, progress.pending + 1
        if not self.cadence.is_due(self.epoch, progress.batch - 1, progress.pending):
            return
        for group in self.optimizer.param_groups:
            if group["lr"] == 0:  # the first of a warm-up: it would be spent on nothing
                group["lr"] = group["initial_lr"] * self.lf(self.epoch) / (self.cadence.warmup + 1)
        for hook in self.hooks:
            hook.on_gradients(self)
        super().optimizer_step()
        progress.pending, progress.steps = 0, progress.steps + 1
        for hook in self.hooks:
            hook.on_step(self)

    def validate(self) -> tuple[Any, Any]:
        """Validate, and decide by our own rule whether this epoch is the best."""
        best = self.best_fitness
        self.progress.clock.start_validation()
        metrics, fitness = validate_within_memory(self, super().validate)
        self.progress.clock.end_validation()
        self.progress.is_validated = True
        self.is_best = is_better(fitness, best)
        if self.is_best:
            self.best_fitness = fitness
        return metrics, fitness

    def set_model_attributes(self) -> None:
        """Attach names, settings and origin; lay the weights out as the CPU's kernels want them."""
        super().set_model_attributes()
        use_box_loss(self.own.box_loss)
        if self.own.dropout is not None:
            set_dropout(self.model, self.own.dropout)
        # On the model, not beside it: so it survives whatever takes the optimizer out of the file.
        setattr(self.model, LINEAGE_KEY, self.own.lineage)
        if self.on_cpu:
            # Measured with yolo11n at 320 px: a step takes 0.7 of the time in this layout.
            self.model = self.model.to(memory_format=torch.channels_last)

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Scale images to [0, 1], in the memory layout of the weights."""
        batch = super().preprocess_batch(batch)
        if self.on_cpu:
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        for hook in self.hooks:
            hook.on_batch(self, batch)
        return batch

    def read_results_csv(self) -> dict[str, Any]:
        """Return nothing: run.json has it. Upstream takes a second to import polars for it."""
        return {}

    def save_model(self) -> bool:
        """Save in the working folder, then publish each checkpoint in one step."""
        saved = bool(super().save_model())
        event = None if self.epoch < 0 else msgspec.json.encode(describe_epoch(self)).decode()
        if self.is_best and self.progress.is_validated:
            # Before the state, from which it is not made anew.
            self.validator.publish(self.run_dir / BEST_VALIDATION, self.epoch + 1)
        write_state(self, event)
        publish_checkpoint(self.last, self.run_dir / "last.pt")
        if self.is_best:
            publish_checkpoint(self.last, self.run_dir / "best.pt")
        return saved

    def final_eval(self) -> None:
        """Strip the optimizer; evaluation is ``yolokit val``'s, on the file that is deployed."""
        if self.is_first:
            strip_all(self.run_dir)

    def keep_progress(self) -> None:
        """Leave a usable ``last.pt`` when the first epoch is interrupted; it counts as none.

        Nothing before it: a resumed run would go on without a measured start.
        """
        if self._is_settled and not (self.run_dir / "last.pt").exists():
            self.metrics = self.metrics or {}
            self.epoch = -1
            self.save_model()

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Go on after the last whole epoch, exactly where there is a ``state.pt``."""
        if ckpt is not None and self.resume:
            load, resume = super()._load_checkpoint_state, super().resume_training
            go_on(self, ckpt, load=load, resume=resume)

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Take the settings of the run that goes on, but for how many epochs it is to have."""
        super().check_resume(overrides)
        if self.resume:
            self.args.epochs = overrides["epochs"]

    def _on_train_start(self) -> None:
        keep_start(self)
        tell_settings(self)
        self._is_settled = True
        process.send(Phase("training"))

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Go back to the last whole epoch, where this one was lost."""
        return recover(self, epoch)

    def _on_train_batch_end(self) -> None:
        process.check_stop()
        if self.pace:
            self.pace.apply()
        ended = describe_batch(self)
        self.progress.images += ended.images
        process.send(ended)

    def _on_fit_epoch_end(self) -> None:
        process.send(describe_epoch(self))


def _check_stop(_validator: object) -> None:
    process.check_stop()
