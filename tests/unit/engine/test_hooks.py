"""Hooks are called at the moments that their base class names."""

from __future__ import annotations

from yolokit.engine.hooks import make_hooks
from yolokit.engine.hooks.toolkit import MOMENTS, Hook
from yolokit.engine_protocol.own_settings import OwnSettings


def test_every_moment_is_a_method_of_a_hook() -> None:
    assert all(callable(getattr(Hook, method)) for method in MOMENTS.values())


def test_a_training_watches_its_losses_and_its_memory_and_else_what_is_asked_for() -> None:
    hooks = make_hooks(OwnSettings(run_dir="run"))
    names = [type(hook).__name__ for hook in hooks]
    assert names == ["NotFinite", "MemoryWatch", "GentleStart"], "the rate is left open"
