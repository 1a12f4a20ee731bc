"""Kinds of start, one file each: the model that a training begins with, and what was transferred.

A kind defines ``build(request: StartRequest) -> tuple[Any, TransferReport]``: upstream's model. It
refuses a transfer that is not what it should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.plugins import load_plugin

if TYPE_CHECKING:
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import TransferReport


def build_start(request: StartRequest) -> tuple[Any, TransferReport]:
    """Make the model that a training starts from.

    Returns:
        The model in FP32, its ``names`` set, and the account of its tensors.

    Raises:
        WeightsError: The weights cannot be read or do not fit.
        ConfigError: The architecture cannot be built.
    """
    import torch

    torch.manual_seed(request.seed)
    model, report = load_plugin(__name__, request.kind, kind="start").build(request)
    return model, report


def save_start(model: Any, path: str, *, imgsz: int | None = None) -> None:
    """Write a model as a checkpoint that upstream and this project load like any other."""
    import torch

    train_args = {} if imgsz is None else {"imgsz": imgsz}
    torch.save({"model": model, "train_args": train_args, "epoch": -1}, path)
