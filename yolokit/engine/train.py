"""The train job: one ``TrainRequest`` in, events, and a run folder with checkpoints out."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.events import EpochEnd, Notice, Phase
from yolokit.core.machine import asked_threads
from yolokit.core.plural import counted
from yolokit.engine.process import FinishAsked, Job, is_orphan, send, serve
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
    trainer: YolokitTrainer | None = None
    while True:
        done = _repair(request) if request.start is None else None
        if done is not None:
            send(Notice("all its epochs were done already; only the end was left"))
            result = make_result(done["device"], done["amp"], done["batch"], done["optimizer"])
            return result | _prove_old(request, done["imgsz"])
        task, overrides = prepare(request)
        if request.own.machines > 1 or "," in overrides["device"]:
            from yolokit.engine.distributed.launch import launch

            result = launch(request.task, overrides, request.own, request.threads)
            return result | (_prove_old(request, overrides["imgsz"]) if request.own.leads else {})
        del trainer  # before the next one is made: it may hold most of the memory
        gc.collect()
        trainer = make_trainer(task, overrides, pace)
        send(Notice(f"device {trainer.device}, precision {describe_precision(trainer.args.amp)}"))
        smaller = _run(trainer, request)
        if smaller is None:
            args = trainer.args
            result = make_result(str(trainer.device), args.amp, trainer.batch_size, args.optimizer)
            return result | _prove_old(request, args.imgsz)
        request = smaller


def _repair(request: TrainRequest) -> dict[str, Any] | None:
    """Repair the checkpoints of a run that goes on, and tell of an epoch that nobody heard of."""
    from yolokit.engine.saving import repair_checkpoints
    from yolokit.engine.state import read_state

    run_dir = Path(request.run_dir)
    state = read_state(run_dir)
    done = repair_checkpoints(run_dir, state, request.settings["epochs"])
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


def prepare(request: TrainRequest) -> tuple[EngineTask, dict[str, Any]]:
    """Make the start; return the task and the settings of upstream's trainer."""
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
    return task, _overrides(request, model, frozen, torch)


def make_trainer(task: EngineTask, overrides: dict[str, Any], pace: Pace) -> YolokitTrainer:
    """Return a trainer that is about to train: all its settings are made, its data is not read."""
    trainer = task.Trainer(overrides=overrides)
    if trainer.on_cpu:
        trainer.pace = pace
        pace.apply()
    return trainer


def _run(trainer: YolokitTrainer, request: TrainRequest) -> TrainRequest | None:
    """Train; return what to go on with where memory ran out, else None."""
    from yolokit.engine.out_of_memory import train_within_memory

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


def make_result(device: str, amp: object, batch: int, optimizer: str) -> dict[str, Any]:
    """Return the result of a training."""
    precision = describe_precision(amp)
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
    each worker of a run on several devices, then loads it like any other.

    Returns:
        The checkpoint, which of its layers are frozen, and whether it is a start that knows the
        classes.
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
    on_gpu = settings["device"][0].isdecimal()
    workers = (settings["device"].count(",") + 1) * request.own.machines
    if settings["batch"] == -1 and (workers > 1 or not on_gpu):
        settings["batch"] = 16 * workers  # upstream measures memory on a single GPU alone
    if settings["workers"] == "auto":
        settings["workers"] = 8 if on_gpu else 0
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


def describe_precision(amp: object) -> str:
    """Return upstream's setting as people write it."""
    return amp if isinstance(amp, str) else "fp32"


JOB = Job(TrainRequest, train)

if __name__ == "__main__":
    serve(JOB)
