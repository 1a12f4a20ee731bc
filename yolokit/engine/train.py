"""The train job: one ``TrainRequest`` in, events, and a run folder with checkpoints out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import Notice, Phase
from yolokit.core.machine import asked_threads
from yolokit.core.plural import counted
from yolokit.engine.process import Job, is_orphan, send, serve, stop_at_once
from yolokit.engine.threads import Pace
from yolokit.engine_protocol.child import Started
from yolokit.engine_protocol.requests import START_FILE, TrainRequest
from yolokit.errors import ConfigError, JobCancelledError

if TYPE_CHECKING:
    from yolokit.engine.tasks.toolkit import EngineTask
    from yolokit.engine.trainer import YolokitTrainer
    from yolokit.engine_protocol.added import AddedClasses


def train(request: TrainRequest) -> dict[str, Any]:
    """Train and return ``device``, ``precision``, ``batch`` and ``optimizer``."""
    pace = start_torch(request)

    from yolokit.engine.saving import repair_checkpoints

    done = repair_checkpoints(Path(request.run_dir)) if request.start is None else None
    if done is not None:
        send(Notice("all its epochs were done already; only the end was left"))
        result = _result(done["device"], done["amp"], done["batch"], done["optimizer"])
        return result | _prove_old(request, done["imgsz"])
    trainer = make_trainer(request, pace)
    send(Notice(f"device {trainer.device}, precision {_precision(trainer.args.amp)}"))
    _run(trainer)
    args = trainer.args
    result = _result(str(trainer.device), args.amp, trainer.batch_size, args.optimizer)
    return result | _prove_old(request, args.imgsz)


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

    from yolokit.engine.adding import write_names
    from yolokit.engine.own_settings import share_own_settings
    from yolokit.engine.tasks.toolkit import load_task

    task = load_task(request.task)
    begun = _begin(request, task)
    model, frozen = begun.path, begun.frozen
    own = msgspec.structs.replace(request.own, knows_classes=begun.knows_classes)
    if own.adding is not None:
        classes = begun.added or own.adding.classes
        assert classes is not None
        write_names(Path(request.data_yaml), classes)
        own = msgspec.structs.replace(
            own, adding=msgspec.structs.replace(own.adding, classes=classes)
        )
    share_own_settings(own)
    send(Phase("reading the data set"))
    trainer = task.Trainer(overrides=_overrides(request, model, frozen, torch))
    if trainer.on_cpu:
        trainer.pace = pace
        pace.apply()
    return trainer


def _run(trainer: YolokitTrainer) -> None:
    if trainer.ddp:
        stop_at_once()
    try:
        trainer.train()
    except JobCancelledError:
        if not is_orphan.is_set():
            trainer.keep_progress()
        raise


def _result(device: str, amp: object, batch: int, optimizer: str) -> dict[str, Any]:
    precision = _precision(amp)
    return {"device": device, "precision": precision, "batch": batch, "optimizer": optimizer}


@dataclass(frozen=True, slots=True)
class _Begun:
    """The checkpoint to begin with, and what is known of it."""

    path: str
    frozen: list[int | str]
    knows_classes: bool = False
    added: AddedClasses | None = None


def _prove_old(request: TrainRequest, imgsz: int) -> dict[str, Any]:
    """Return, of a run that added classes, the proof that the old detector is as it was."""
    if request.own.adding is None:
        return {}
    import yaml

    from yolokit.engine.adding import prove, require_equal

    send(Phase("comparing the old classes before and after"))
    lists = yaml.safe_load(Path(request.data_yaml).read_text(encoding="utf-8"))
    images = Path(lists["val"]).read_text(encoding="utf-8").splitlines()
    proof = prove(Path(request.run_dir) / "best.pt", request.own.adding, images, imgsz)
    require_equal(proof)
    return {"adding": msgspec.to_builtins(proof)}


def _begin(request: TrainRequest, task: EngineTask) -> _Begun:
    """Make the model to start from, or check the one to resume.

    It becomes a checkpoint in the run's working folder, whatever it was made from: upstream, and
    each worker of a run on several GPUs, then loads it like any other.
    """
    from yolokit.engine.initializers import build_start, save_start
    from yolokit.engine.network.transfer import list_frozen, split_frozen
    from yolokit.engine.tasks._class_groups import list_frozen_parts
    from yolokit.engine.tasks.toolkit import load_task_model

    run_dir = Path(request.run_dir)
    if request.start is None:
        path = run_dir / "last.pt"
        model, _checkpoint = load_task_model(task, str(path))
        if request.own.adding is not None:
            return _Begun(str(path), list_frozen_parts(model))
        return _Begun(str(path), [*list_frozen(request.freeze, model)])
    send(Phase("making the model to start from"))
    model, report = build_start(request.start)
    report = split_frozen(report, list_frozen(request.freeze, model), model)
    send(Started(report))
    # Beside the working folder, not in it: upstream empties that before it launches workers.
    path = run_dir / START_FILE
    save_start(model, str(path))
    frozen: list[int | str] = [*(report.frozen or [])]
    if report.added is not None:
        frozen = list_frozen_parts(model)
    return _Begun(str(path), frozen, report.knows_classes, report.added)


def _overrides(
    request: TrainRequest, model: str, frozen: list[int | str], torch: Any
) -> dict[str, Any]:
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
