"""What the parent asks of a job of ``yolokit.engine``: only existing absolute paths and numbers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class TrainRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Train one model.

    Attributes:
        data_yaml: YAML that yolokit wrote: absolute paths, no ``download``.
        run_dir: Folder of the run; ``best.pt`` and ``last.pt`` appear in it.
        weights: Checkpoint to start from, or None.
        arch: Name or YAML file of the architecture, where there are no weights.
        resume: Go on from ``weights``, which is the ``last.pt`` of this run.
        settings: Upstream's own training settings.
        threads: Cores to use on a CPU.
    """

    data_yaml: str
    run_dir: str
    weights: str | None
    arch: str | None
    resume: bool
    settings: dict[str, Any]
    threads: int


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Write one checkpoint as a plain ONNX file.

    Attributes:
        weights: Checkpoint to export.
        out: ONNX file to write.
        imgsz: Side of the square input in px; None for the one it was trained with.
        dynamic: Which axes of the input are dynamic.
        opset: ONNX operator set.
    """

    weights: str
    out: str
    imgsz: int | None
    dynamic: Literal["none", "batch", "all"]
    opset: int


class InferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Run a checkpoint in torch, in FP32 on the CPU, as its own framework prepares images.

    Attributes:
        weights: Checkpoint to run.
        folder: Holds ``<index>.image.npy``, each (H, W, 3) uint8 BGR; beside each the job writes
            ``<index>.input.npy``, (1, 3, H, W) float32, and ``<index>.output.npy``.
        input_wh: Width and height in px of the input for each image, in order.
        threads: Cores to use.
    """

    weights: str
    folder: str
    input_wh: list[tuple[int, int]]
    threads: int


class ReheadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Write a checkpoint as fine-tuning would start from it: a fresh head for new classes.

    Attributes:
        weights: Checkpoint to start from.
        names: The new class names.
        out: Checkpoint to write.
    """

    weights: str
    names: list[str]
    out: str
