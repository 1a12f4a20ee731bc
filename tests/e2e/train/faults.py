"""Faults that are planted in an engine, at the place where they happen in life.

``FAULT`` has a kind and its figures; Python runs :data:`PLANTER` at every start of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PLANTER = '''
import os, sys

KIND, *FIGURES = os.environ.get("FAULT", "none").split()
FIGURES = [int(figure) for figure in FIGURES]


def exhaust():
    import torch
    torch.empty(2**50, dtype=torch.uint8)  # more than any machine has: torch's own error


def plant_in_training(act):
    """Act on each batch of an epoch before the network gets it."""
    from yolokit.engine.trainer import YolokitTrainer
    real = YolokitTrainer.preprocess_batch

    def prepare(trainer, batch):
        batch = real(trainer, batch)
        act(trainer, batch)
        return batch

    YolokitTrainer.preprocess_batch = prepare


def memory(epoch, most):
    plant_in_training(
        lambda trainer, batch: exhaust()
        if trainer.epoch + 1 == epoch and len(batch["img"]) > most else None
    )


def validation(most):
    from yolokit.engine.tasks.detect import Validator
    real = Validator.preprocess

    def prepare(validator, batch):
        if len(batch["img"]) > most:
            exhaust()
        return real(validator, batch)

    Validator.preprocess = prepare


def nan(epoch, batch_number, times):
    left = [times]

    def poison(trainer, batch):
        if (trainer.epoch + 1, trainer.batch_number + 1) == (epoch, batch_number) and left[0]:
            left[0] -= 1
            batch["img"][0, 0, 0, 0] = float("nan")

    plant_in_training(poison)


def lost(epoch):
    def remove(trainer, batch):
        if trainer.epoch + 1 == epoch:
            for image in trainer.train_loader.dataset.im_files:
                if os.path.exists(image):
                    os.remove(image)

    plant_in_training(remove)


def killed(epoch):
    import signal
    plant_in_training(
        lambda trainer, batch: os.kill(os.getpid(), signal.SIGKILL)
        if trainer.epoch + 1 == epoch else None
    )


def full(epoch):
    import errno
    import yolokit.engine.state as state
    real, here = state.torch.save, {"epoch": None}

    def save(content, path, *rest):
        if isinstance(content, dict) and content.get("epoch") == epoch - 1 and "recent" in content:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(content, path, *rest)

    state.torch.save = save


if KIND != "none" and "yolokit.engine.train" in sys.orig_argv:
    import yolokit.engine.process as process
    real_serve = process.serve

    def serve(job):
        import yolokit.engine.trainer
        globals()[KIND](*FIGURES)
        real_serve(job)

    process.serve = serve
elif KIND != "none" and "yolokit.engine.distributed.worker" in sys.orig_argv:
    import yolokit.engine.tasks.toolkit as toolkit
    real_load = toolkit.load_task

    def load(task):
        made = real_load(task)
        globals()[KIND](*FIGURES)
        return made

    toolkit.load_task = load
'''


def plant(monkeypatch: pytest.MonkeyPatch, folder: Path, fault: str) -> None:
    """Plant a fault in every engine that is started from now on."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(PLANTER)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("FAULT", fault)
