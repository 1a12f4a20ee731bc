"""Copies graphs, and writes quantized ones: checked, without types of the graph before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.extras import require
from yolokit.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path


def copy_graph(model: Any) -> Any:
    """Return a copy of an ONNX model."""
    copy = type(model)()
    copy.CopyFrom(model)
    return copy


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
