"""Classes are added: what is old stays in the average, and the loss goes on where it was."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.engine.tasks.test_class_groups import add, save_detector

pytest.importorskip("onnx", reason="the train extra is not installed")

OLD = "model.4.cv1.conv.weight"
NEW = "model.23.cv2.3.2.weight"


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    """What the hook is given: a model with a class more, after two epochs."""
    from yolokit.engine.tasks._class_groups import list_frozen_parts

    model, _report = add(save_detector(tmp_path, "yolo26n"), ["gear"])
    model = model.float()
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=5)
    frozen = [f"model.{part}." for part in list_frozen_parts(model)]
    average = SimpleNamespace(ema=copy.deepcopy(model))
    return SimpleNamespace(model=model, ema=average, freeze_layer_names=frozen, start_epoch=2)


def drift(trainer: Any) -> dict[str, Any]:
    """Let all weights of the average be off by some rounding, and return them."""
    import torch

    weights: dict[str, Any] = trainer.ema.ema.state_dict()
    with torch.no_grad():
        for name in (OLD, NEW):
            weights[name].mul_(1.0001)
    return weights


def test_the_average_keeps_what_is_old_also_after_going_back_from_nan(trainer: Any) -> None:
    import torch

    from yolokit.engine.hooks.keep_old import KeepOld

    hook, own = KeepOld(), trainer.model.state_dict()
    hook.on_start(trainer)
    for _ in range(2):
        hook.on_epoch_start(trainer)
        weights = drift(trainer)
        hook.on_step(trainer)
        assert torch.equal(weights[OLD], own[OLD])
        assert not torch.equal(weights[NEW], own[NEW])
        trainer.ema.ema = copy.deepcopy(trainer.model)


def test_a_resumed_run_weighs_both_losses_as_the_epoch_has_it(trainer: Any) -> None:
    from yolokit.engine.hooks.keep_old import KeepOld

    KeepOld().on_start(trainer)
    criterion = trainer.model.criterion
    assert criterion.o2m == pytest.approx(criterion.decay(2))
    assert criterion.o2m < 0.8
