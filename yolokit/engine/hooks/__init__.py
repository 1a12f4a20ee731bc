"""What a training does beside training: one small class a file, called at set moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.engine.hooks.toolkit import Hook
    from yolokit.engine_protocol.own_settings import OwnSettings


def make_hooks(own: OwnSettings) -> list[Hook]:
    """Return the hooks that the settings of a training ask for, in the order of their calls."""
    from yolokit.engine.hooks.epoch_order import EpochOrder

    return [EpochOrder()] if own.repeat_factor else []
