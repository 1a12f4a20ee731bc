"""The precision that a training computes in."""

from __future__ import annotations

import torch

from yolokit.engine.ultralytics_patches import has_native_bf16_cpu
from yolokit.errors import ConfigError


def choose_precision(asked: str | bool, device: torch.device) -> str | bool:
    """Return upstream's ``amp``: what was asked for, or what suits the device where that is True.

    Raises:
        ConfigError: The device has no such precision.
    """
    on_cpu = device.type == "cpu"
    if asked == "fp16" and on_cpu:
        raise ConfigError(
            "a CPU trains in fp32 or bf16, not in fp16",
            hint="write `precision: auto` into the file of --config, or leave it out",
        )
    if asked is not True:
        return asked
    if on_cpu:
        return "bf16" if has_native_bf16_cpu() else False
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return False
