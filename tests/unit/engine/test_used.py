"""What is told of settings that have no effect, or less than one might think."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from yolokit.engine.cadence import Cadence
from yolokit.engine.used import describe_settings, list_notes
from yolokit.engine_protocol.training import UsedSettings

PLAIN = {
    "mosaic": 1.0, "close_mosaic": 10, "copy_paste": 0.0, "fraction": 1.0, "val": True,
    "patience": 50, "cache": False, "warmup_epochs": 3.0, "warmup_bias_lr": 0.0, "lr0": 0.002,
    "momentum": 0.937,
}  # fmt: skip


class Images:
    """As much of upstream's data set as is looked at."""

    labels: ClassVar[list[dict[str, Any]]] = [{"segments": []}]
    cache = None

    def __len__(self) -> int:
        return 205


def make_trainer(group: dict[str, Any], *, epochs: int = 100, **args: Any) -> Any:
    return SimpleNamespace(
        args=SimpleNamespace(**(PLAIN | args)),
        epochs=epochs,
        cadence=Cadence(batches=13, full=4, warmup=39),
        asked_warmup=39,
        optimizer=SimpleNamespace(param_groups=[group, {"weight_decay": 0.0}]),
        train_loader=SimpleNamespace(dataset=Images(), batch_size=16, num_workers=0),
        world_size=0,
        pace=None,
        lr0_reason=None,
    )


@pytest.mark.parametrize(
    ("group", "momentum"), [({"betas": (0.9, 0.999)}, 0.9), ({"momentum": 0.8}, 0.937)]
)
def test_what_is_used_is_read_from_the_optimizer(group: dict[str, Any], momentum: float) -> None:
    """Auto leaves the option `momentum` as it is; and SGD's warm-up ends at the option's."""
    used = describe_settings(make_trainer(group | {"weight_decay": 0.0005}))
    assert isinstance(used, UsedSettings)
    assert (used.momentum, used.weight_decay) == (momentum, 0.0005)
    assert (used.images, used.batches, used.steps_per_epoch) == (205, 13, 4)
    assert used.steps == 20 + 97 * 4, "more of them in the warm-up"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, None),
        ({"epochs": 10}, "no mosaic: close_mosaic (10) covers every epoch"),
        ({"copy_paste": 0.5}, "copy_paste has no effect"),
        ({"fraction": 0.5}, "fraction 0.5: an epoch shows 205 images"),
        ({"val": False}, "patience has no effect"),
        ({"val": False, "patience": 0}, None),
        ({"cache": "ram"}, "cache has no effect"),
    ],
)
def test_notes(args: dict[str, Any], said: str | None) -> None:
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, **args)
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("4 optimizer steps an epoch (more in the warm-up), ")
    assert len(notes) == (2 if said else 1)
    assert said is None or notes[1].startswith(said)


def test_a_single_image_and_the_steps_of_a_warm_up_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ramp makes steps more often, so that the sum is not that of the epochs."""
    monkeypatch.setattr(Images, "__len__", lambda _self: 1)
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, epochs=20, fraction=0.01)
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("4 optimizer steps an epoch (more in the warm-up), 88 in all")
    assert notes[1] == "fraction 0.01: an epoch shows 1 image"


def test_few_steps_and_a_shortened_warm_up_are_told() -> None:
    trainer = make_trainer({"betas": (0.9, 0.999), "weight_decay": 0.0}, epochs=11)
    trainer.cadence, trainer.asked_warmup = Cadence(batches=1, full=1, warmup=2), 3
    notes = list_notes(trainer, describe_settings(trainer))
    assert notes[0].startswith("1 optimizer step an epoch, 11 in all; that is little to learn from")
    assert "warm-up" not in notes[0]
    assert notes[1].startswith("warm-up over 2 of the 11 batches")
