"""Writes a quantized graph: checked, and with no trace of the work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.extras import require
from yolokit.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path


def save_graph(model: Any, dst: Path) -> None:
    """Write a model after a check.

    Raises:
        ExportError: It is not valid.
    """
    onnx = require("onnx", extra="train", purpose="Quantizing")
    del model.graph.value_info[:]  # of the graph before
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the quantized graph is not valid ONNX: {error}") from error
    onnx.save(model, dst)
