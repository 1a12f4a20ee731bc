"""What a training does beside training: one small class a file, called at set moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.engine.hooks.toolkit import Hook
    from yolokit.engine_protocol.own_settings import OwnSettings


def make_hooks(own: OwnSettings) -> list[Hook]:
    """Return the hooks of every training, then those that its settings ask for."""
    from yolokit.engine.hooks.memory import MemoryWatch
    from yolokit.engine.hooks.not_finite import NotFinite

    hooks: list[Hook] = [NotFinite(), MemoryWatch()]
    if own.adding is not None:
        from yolokit.engine.hooks.keep_old import KeepOld

        hooks.append(KeepOld())
    if own.watch == "gradients":
        from yolokit.engine.hooks.gradients import GradientNorms

        hooks.append(GradientNorms())
    return hooks
