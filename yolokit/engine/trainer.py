"""What every trainer adds to upstream's: events, checkpoints in one step, good use of a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import torch

from yolokit.checkpoints.lineage import LINEAGE_KEY
from yolokit.core.events import BatchEnd, EpochEnd, Notice, Phase, StartScore
from yolokit.engine import process
from yolokit.engine.adding import renumber
from yolokit.engine.cadence import Cadence
from yolokit.engine.deployed_images import build_deployed_images
from yolokit.engine.distributed import group as workers
from yolokit.engine.distributed.loss import share_normalizer
from yolokit.engine.distributed.order import SharedOrder, put_order
from yolokit.engine.epoch_clock import EpochClock
from yolokit.engine.hooks import make_hooks
from yolokit.engine.hooks.toolkit import MOMENTS
from yolokit.engine.memory import read_memory_bytes
from yolokit.engine.network.dropout import set_dropout
from yolokit.engine.out_of_memory import validate_within_memory
from yolokit.engine.own_settings import read_own_settings
from yolokit.engine.recovery import recover
from yolokit.engine.repeat_factor import find_repeats
from yolokit.engine.resumption import say_inexact, set_loss_balance
from yolokit.engine.room import require_room
from yolokit.engine.saving import publish_checkpoint, strip_all
from yolokit.engine.seeding import seed_images
from yolokit.engine.state import read_state, restore_state, write_state
from yolokit.engine.ultralytics_patches import has_native_bf16_cpu
from yolokit.engine.used import (
    describe_settings,
    keep_finite,
    list_notes,
    name_metrics,
    name_rates,
    report_images,
)
from yolokit.engine_protocol.child import Settled
from yolokit.engine_protocol.training import is_better
from yolokit.engine_protocol.validations import BEST_VALIDATION, START_VALIDATION
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.engine.hooks.toolkit import Hook
    from yolokit.engine.threads import Pace
    from yolokit.engine_protocol.own_settings import OwnSettings

from yolokit.engine.network.box_loss import use_box_loss  # isort: skip - after our edits
from ultralytics.engine.trainer import BaseTrainer  # isort: skip
from ultralytics.utils import RANK  # isort: skip
from ultralytics.utils.torch_utils import unwrap_model  # isort: skip

_GENTLE_LR = 1e-4
_FEW_ITERATIONS = 12  # of upstream's count: nominal batches of a whole run


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
        val_batch: Most images of a batch of the validation, where memory ran out; else None.
        is_best: Whether the epoch that was validated last is the best so far.
    """

    metric_names: ClassVar[Mapping[str, str]]
    model: Any
    metrics: Any
    loss: Any
    best_fitness: float | None
    accumulate: int
    world_size: int
    tloss: Any
    pace: Pace | None = None
    own: OwnSettings
    hooks: Sequence[Hook] = ()
    lr0_reason: str | None = None
    val_batch: int | None = None
    is_best = False
    _is_settled = False
    _retries = 0
    _clock: EpochClock

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.own = read_own_settings()
        self.run_dir = Path(self.own.run_dir)
        self.hooks = make_hooks(self.own)
        super().__init__(*args, **kwargs)
        self.world_size = max(self.world_size, workers.count_workers())
        self.on_cpu = self.device.type == "cpu"
        self.args.workers = kwargs["overrides"]["workers"]  # upstream takes none without a GPU
        # As it was asked for: upstream resumes with what another device may have chosen.
        if kwargs["overrides"]["amp"] is True:
            self.args.amp = self._native_precision()
        elif self.args.amp == "fp16" and self.on_cpu:
            raise ConfigError(
                "a CPU trains in fp32 or bf16, not in fp16",
                hint="write `precision: auto` into the file of --config, or leave it out",
            )
        self._begin_epoch()
        self.callbacks["on_val_batch_end"].append(_check_stop)

    @property
    def batch_number(self) -> int:
        """Which batch of its epoch has just ended, from 1."""
        return self._batch

    @property
    def is_first(self) -> bool:
        """Whether this is the process that reports and writes."""
        return RANK in {-1, 0}

    def run_callbacks(self, event: str) -> None:
        """Run upstream's callbacks, then ours of the same name."""
        super().run_callbacks(event)
        if event == "on_pretrain_routine_end":
            require_room(self)
            self._measure_start()
        elif event == "on_train_start":
            self.order.restart(self.start_epoch)
        elif event == "on_train_epoch_start":
            self._begin_epoch()
        elif event == "on_train_batch_start":
            self._clock.start_batch()
        elif event == "on_train_epoch_end":
            self.tloss = workers.average(self.tloss)
        if event in MOMENTS:
            for hook in self.hooks:
                getattr(hook, MOMENTS[event])(self)
        own = getattr(self, f"_{event}", None)
        if own is not None and self.is_first:
            own()
        if event == "on_train_batch_end":
            self._clock.end_batch()

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
            self.order = SharedOrder(
                find_repeats(loader.dataset.labels, self.own.repeat_factor),
                loader.batch_size,
                workers=workers.count_workers(),
                rank=max(RANK, 0),
                seed=self.args.seed,
            )
            put_order(loader, self.order)
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

    def _begin_epoch(self) -> None:
        """Count anew; also after an epoch that upstream broke off, whose gradients it drops."""
        self._clock = EpochClock()
        self._batch = self._pending = self._steps = self._images = 0
        self._is_validated = False
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
            self._settle(f"the device ran out of memory: going on with batch {self.batch_size}")

    def build_optimizer(
        self, model: Any, name: str = "auto", lr: float = 0.001, **options: Any
    ) -> Any:
        """Build it as upstream does, but for a gentle rate where auto's would do harm.

        A start that knows the classes is thrown off by upstream's rate, and comes back only after
        some tens of steps. Measured with yolo26n on BCCD at 160 px, from starts of mAP50-95 0.375
        and 0.234: 8 steps end at 0.21..0.32 and 0.12..0.14 with upstream's rate, at 0.36 and
        0.23..0.24 with this one; but 40 steps end at 0.33 and 0.25.
        """
        few = options["iterations"] <= _FEW_ITERATIONS
        if name == "auto" and few and self.own.knows_classes:
            name, lr, options["momentum"] = "AdamW", _GENTLE_LR, 0.9
            # As upstream does for auto: resumption rebuilds the choice from them.
            self.args.optimizer, self.args.lr0, self.args.warmup_bias_lr = name, lr, 0.0
            self.lr0_reason = (
                "the start knows the classes, and so few steps leave no time to recover"
            )
        return super().build_optimizer(model, name=name, lr=lr, **options)

    def _get_warmup_iterations(self, num_batches: int) -> int:  # noqa: ARG002 - upstream's signature
        return self.cadence.warmup

    def optimizer_step(self) -> None:
        """Step if it is time to; every batch ends here."""
        batch = self._batch
        self._batch, self._pending = batch + 1, self._pending + 1
        if not self.cadence.is_due(self.epoch, batch, self._pending):
            return
        for group in self.optimizer.param_groups:
            if group["lr"] == 0:  # the first of a warm-up: it would be spent on nothing
                group["lr"] = group["initial_lr"] * self.lf(self.epoch) / (self.cadence.warmup + 1)
        for hook in self.hooks:
            hook.on_gradients(self)
        super().optimizer_step()
        self._pending, self._steps = 0, self._steps + 1
        for hook in self.hooks:
            hook.on_step(self)

    def validate(self) -> tuple[Any, Any]:
        """Validate, and decide by our own rule whether this epoch is the best."""
        best = self.best_fitness
        self._clock.start_validation()
        metrics, fitness = validate_within_memory(self, super().validate)
        self._clock.end_validation()
        self._is_validated = True
        self.is_best = is_better(fitness, best)
        if self.is_best:
            self.best_fitness = fitness
        return metrics, fitness

    def _measure_start(self) -> None:
        """Validate a start that knows the classes, and keep it as the best until it is beaten."""
        if not self.own.knows_classes or self.resume or not self.args.val:
            return
        model = unwrap_model(self.model)
        criterion = model.init_criterion()
        names = getattr(criterion, "one2one", criterion).loss_names
        if self.is_first:
            process.send(Phase("measuring the start"))
        # What upstream's validator needs of a training that has begun.
        self.epoch, self.loss_items = -1, dict.fromkeys(names, torch.zeros((), device=self.device))
        self._begin_epoch()
        metrics = validate_within_memory(self, lambda: self.validator(self))
        if metrics is None:  # not the first worker
            return
        self.fitness = self.best_fitness = metrics.pop("fitness")
        self.is_best = self._is_validated = True
        process.send(StartScore(name_metrics(metrics, self.metric_names), self._clock.seconds))
        self.metrics = metrics
        self.save_model()
        self.validator.publish(self.run_dir / START_VALIDATION, 0)

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
        event = None if self.epoch < 0 else msgspec.json.encode(self._describe_epoch()).decode()
        if self.is_best and self._is_validated:  # before the state: it is not made anew from that
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
        """Leave a usable ``last.pt`` when the first epoch is interrupted; it counts as none."""
        if self.ema is not None and not (self.run_dir / "last.pt").exists():
            self.metrics = self.metrics or {}
            self.epoch = -1
            self.save_model()

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Go on after the last whole epoch, exactly where there is a ``state.pt``."""
        if ckpt is None or not self.resume:
            return
        state = read_state(self.run_dir)
        if state is not None:
            restore_state(self, state)
        elif ckpt["epoch"] < 0:  # upstream refuses where there is no whole epoch
            super()._load_checkpoint_state(ckpt)
        else:
            say_inexact()
            super().resume_training(ckpt)
            return
        self.start_epoch = (ckpt if state is None else state)["epoch"] + 1
        set_loss_balance(unwrap_model(self.model), self.start_epoch - 1)

    def _load_checkpoint_state(self, ckpt: dict[str, Any]) -> None:
        """Take the state from ``state.pt``, which is exact, where there is one."""
        state = read_state(self.run_dir)
        if state is None:
            super()._load_checkpoint_state(ckpt)
        else:
            restore_state(self, state)

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Take the settings of the run that goes on, but for how many epochs it is to have."""
        super().check_resume(overrides)
        if self.resume:
            self.args.epochs = overrides["epochs"]

    def _native_precision(self) -> str | bool:
        if self.on_cpu:
            return "bf16" if has_native_bf16_cpu() else False
        if self.device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return False

    def _on_train_start(self) -> None:
        self._settle()
        process.send(Phase("training"))

    def _settle(self, *before: str) -> None:
        """Report what the training computes with, and what of it a person would not expect."""
        used = describe_settings(self)
        process.send(Settled(used))
        for note in (*before, *list_notes(self, used)):
            process.send(Notice(note))
        self._is_settled = True

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Go back to the last whole epoch, where this one was lost."""
        goes_back = recover(self, epoch, super()._handle_nan_recovery)
        self._retries += goes_back
        if goes_back:  # with other augmentations than those that failed
            self.order.restart(epoch, self._retries)
            self.train_loader.reset()
        return goes_back

    def _on_train_batch_end(self) -> None:
        process.check_stop()
        if self.pace:
            self.pace.apply()
        images = self._count_images()
        self._images += images
        process.send(
            BatchEnd(
                epoch=self.epoch + 1,
                epochs=self.epochs,
                batch=self._batch,
                batches=self.cadence.batches,
                images=images,
                losses=keep_finite(self.tloss),
            )
        )

    def _count_images(self) -> int:
        """Return the images of the batch that has just ended; the last of an epoch has fewer."""
        batch, total = int(self.batch_size), self.order.shown
        return min(batch, total - (self._batch - 1) * batch)

    def _on_fit_epoch_end(self) -> None:
        process.send(self._describe_epoch())
        self._retries = 0

    def _describe_epoch(self) -> EpochEnd:
        # Upstream has zeros for an epoch that it did not validate; a zero is a result.
        measured = (self.metrics or {}) if self._is_validated else {}
        metrics = {**self.label_loss_items(self.tloss), **measured}
        rates = name_rates(self.optimizer.param_groups, self.lr)
        return EpochEnd(
            epoch=self.epoch + 1,
            epochs=self.epochs,
            metrics=name_metrics(metrics, self.metric_names) | rates,
            seconds=self._clock.seconds,
            steps=self._steps,
            is_last=bool(self.stop),
            wait_s=self._clock.wait_s,
            val_s=self._clock.val_s,
            retries=self._retries,
            images=self._images,
            threads=self.pace.threads if self.pace else None,
            memory_bytes=read_memory_bytes(),
        )


def _check_stop(_validator: object) -> None:
    process.check_stop()
