"""The train job: one ``TrainRequest`` in, events, and a run folder with checkpoints out."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import EpochEnd, Notice, Phase
from yolokit.core.machine import asked_threads
from yolokit.core.plural import counted
from yolokit.engine.process import FinishAsked, Job, is_orphan, send, serve, stop_at_once
from yolokit.engine.threads import Pace
from yolokit.engine_protocol.child import Started
from yolokit.engine_protocol.requests import START_FILE, TrainRequest
from yolokit.errors import ConfigError, JobCancelledError

if TYPE_CHECKING:
    from yolokit.engine.tasks.toolkit import EngineTask
    from yolokit.engine.trainer import YolokitTrainer


def train(request: TrainRequest) -> dict[str, Any]:
    """Train and return ``device``, ``precision``, ``batch`` and ``optimizer``."""
    pace = start_torch(request)
    trainer: YolokitTrainer | None = None
    while True:
        done = _repair(request) if request.start is None else None
        if done is not None:
            send(Notice("all its epochs were done already; only the end was left"))
            return _result(done["device"], done["amp"], done["batch"], done["optimizer"])
        del trainer  # before the next one is made: it may hold most of the memory
        gc.collect()
        trainer = make_trainer(request, pace)
        send(Notice(f"device {trainer.device}, precision {_precision(trainer.args.amp)}"))
        smaller = _run(trainer, request)
        if smaller is None:
            args = trainer.args
            return _result(str(trainer.device), args.amp, trainer.batch_size, args.optimizer)
        request = smaller


def _repair(request: TrainRequest) -> dict[str, Any] | None:
    """Repair the checkpoints of a run that goes on, and tell of an epoch that nobody heard of."""
    from yolokit.engine.saving import repair_checkpoints
    from yolokit.engine.state import read_state

    run_dir = Path(request.run_dir)
    done = repair_checkpoints(run_dir, request.settings["epochs"])
    state = read_state(run_dir)
    if state is not None and state["event"] is not None:
        send(msgspec.json.decode(state["event"], type=EpochEnd))
    return done


def start_torch(request: TrainRequest) -> Pace:
    """Import torch and ultralytics for a training; return what watches the cores from now on."""
    send(Phase("starting torch and ultralytics"))
    pace = Pace(request.threads, fixed=asked_threads() is not None)
    # Set before ultralytics is imported, which would set a single thread.
    os.environ.setdefault("OMP_NUM_THREADS", str(request.threads))

    import yolokit.engine.trainer  # noqa: F401 - what takes seconds, while a word says so

    return pace


def make_trainer(request: TrainRequest, pace: Pace) -> YolokitTrainer:
    """Return a trainer that is about to train: all its settings are made, its data is not read."""
    import torch

    from yolokit.engine.own_settings import share_own_settings
    from yolokit.engine.tasks.toolkit import load_task

    task = load_task(request.task)
    model, frozen, knows_classes = _begin(request, task)
    share_own_settings(msgspec.structs.replace(request.own, knows_classes=knows_classes))
    send(Phase("reading the data set"))
    trainer = task.Trainer(overrides=_overrides(request, model, frozen, torch))
    if trainer.on_cpu:
        trainer.pace = pace
        pace.apply()
    return trainer


def _run(trainer: YolokitTrainer, request: TrainRequest) -> TrainRequest | None:
    """Train; return what to go on with where memory ran out, else None."""
    from yolokit.engine.out_of_memory import train_within_memory

    if trainer.ddp:
        stop_at_once()
    try:
        return train_within_memory(trainer, request)
    except FinishAsked:
        if not (trainer.run_dir / "last.pt").exists():
            raise JobCancelledError("stopped before its first epoch was done") from None
        trainer.final_eval()
        return None
    except JobCancelledError:
        if not is_orphan.is_set():
            trainer.keep_progress()
        raise


def _result(device: str, amp: object, batch: int, optimizer: str) -> dict[str, Any]:
    precision = _precision(amp)
    return {"device": device, "precision": precision, "batch": batch, "optimizer": optimizer}


def _begin(request: TrainRequest, task: EngineTask) -> tuple[str, list[int], bool]:
    """Make the model to start from, or check the one to resume.

    It becomes a checkpoint in the run's working folder, whatever it was made from: upstream, and
    each worker of a run on several GPUs, then loads it like any other.

    Returns:
        The checkpoint, which of its layers are frozen, and whether it is a start that knows the
        classes.
    """
    from yolokit.engine.initializers import build_start, save_start
    from yolokit.engine.network.transfer import list_frozen, split_frozen
    from yolokit.engine.tasks.toolkit import load_task_model

    run_dir = Path(request.run_dir)
    if request.start is None:
        path = run_dir / "last.pt"
        model, _checkpoint = load_task_model(task, str(path))
        return str(path), list_frozen(request.freeze, model), False
    send(Phase("making the model to start from"))
    model, report = build_start(request.start)
    report = split_frozen(report, list_frozen(request.freeze, model), model)
    send(Started(report))
    # Beside the working folder, not in it: upstream empties that before it launches workers.
    path = run_dir / START_FILE
    save_start(model, str(path))
    return str(path), report.frozen or [], report.knows_classes


def _overrides(request: TrainRequest, model: str, frozen: list[int], torch: Any) -> dict[str, Any]:
    settings = dict(request.settings)
    settings["device"] = _choose_device(settings["device"], torch)
    gpus = settings["device"].count(",") + 1
    if settings["batch"] == -1 and (gpus > 1 or settings["device"] in ("cpu", "mps")):
        settings["batch"] = 16 * gpus  # upstream measures memory on a single GPU alone
    if settings["workers"] == "auto":
        settings["workers"] = 8
    elif settings["workers"] and settings["device"] in ("cpu", "mps"):
        send(Notice("workers has no effect here: without a GPU, training loads images by itself"))
    overrides = settings | {
        "task": request.task.value,
        "mode": "train",
        "data": request.data_yaml,
        "model": model,
        "pretrained": True,
        "freeze": frozen,
        "cls_remap": False,  # it is done; upstream's would merge names that differ in case alone
        "save_dir": str(Path(request.run_dir) / "engine"),
        "plots": False,
        "save": True,
        "exist_ok": True,
    }
    if request.start is None:
        overrides["resume"] = model
    return overrides


def _choose_device(device: str, torch: Any) -> str:
    if device == "auto":
        return "0" if torch.cuda.is_available() else "cpu"
    if device[0].isdecimal():
        wanted = max(int(number) for number in device.split(","))
        found = torch.cuda.device_count()
        if wanted >= found:
            raise ConfigError(
                f"device {device} was asked for, but torch sees {counted(found, 'CUDA device')}",
                hint="`yolokit doctor` says why; --device cpu trains without one",
            )
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device mps was asked for, but torch does not see one")
    return device


def _precision(amp: object) -> str:
    return amp if isinstance(amp, str) else "fp32"


JOB = Job(TrainRequest, train)

if __name__ == "__main__":
    serve(JOB)
