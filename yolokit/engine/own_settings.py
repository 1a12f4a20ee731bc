"""Our own settings, from the request to every process of a training."""

from __future__ import annotations

import os

import msgspec

from yolokit.engine_protocol.own_settings import OwnSettings

# Environment rather than arguments: the workers of a run on several GPUs inherit it.
_VARIABLE = "YOLOKIT_ENGINE_SETTINGS"


def share_own_settings(own: OwnSettings) -> None:
    """Have this process, and those that it starts from now on, use these settings."""
    os.environ[_VARIABLE] = msgspec.json.encode(own).decode()


def read_own_settings() -> OwnSettings:
    """Return the settings of the training that this process is part of."""
    return msgspec.json.decode(os.environ[_VARIABLE], type=OwnSettings)
