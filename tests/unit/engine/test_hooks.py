"""Hooks are called at the moments that their base class names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from yolokit.engine.hooks import make_hooks
from yolokit.engine.hooks.toolkit import MOMENTS, Hook
from yolokit.engine.repeat_factor import RepeatFactorSampler
from yolokit.engine_protocol.own_settings import OwnSettings


def test_every_moment_is_a_method_of_a_hook() -> None:
    assert all(callable(getattr(Hook, method)) for method in MOMENTS.values())


def test_a_training_has_no_hook_that_nobody_asked_for() -> None:
    assert make_hooks(OwnSettings(run_dir="run")) == []


def test_the_order_of_an_epoch_follows_the_epoch() -> None:
    (hook,) = make_hooks(OwnSettings(run_dir="run", repeat_factor=0.1))
    sampler = RepeatFactorSampler(np.ones(3), 0)
    loader: Any = SimpleNamespace(sampler=sampler)
    hook.on_epoch_start(SimpleNamespace(train_loader=loader, epoch=6))  # type: ignore[arg-type]
    assert list(sampler) == sampler.draw(6)
