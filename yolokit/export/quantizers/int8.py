"""INT8 by onnxruntime's static quantization: integers with scales, found on images (QDQ)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.events import OnEvent, ignore
from yolokit.core.extras import require
from yolokit.errors import ExportError
from yolokit.export.quantizers.toolkit.graph_parts import (
    find_outermost,
    iter_float_values,
    load_graph,
)
from yolokit.export.quantizers.toolkit.ranges import find_ranges
from yolokit.export.quantizers.toolkit.saving import save_graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.export.quantizers.toolkit import Calibration, QuantSettings
    from yolokit.export.quantizers.toolkit.ranges import Ranges

CALIBRATES = True


def quantize(
    src: Path,
    dst: Path,
    calibration: Calibration | None,
    settings: QuantSettings,
    on_event: OnEvent = ignore,
) -> None:
    """Write a model that computes in integers of 8 bits; see ``toolkit.Quantizer``."""
    if calibration is None:
        raise ExportError("INT8 needs images to calibrate on")
    model = load_graph(src)
    names = list(iter_float_values(model.graph))
    ranges = find_ranges(model, names, calibration, settings, on_event)
    quantized = insert_integers(model, ranges, settings)
    if quantized is None:
        raise ExportError("the graph has no operator that INT8 is for")
    save_graph(quantized, dst)


def insert_integers(
    model: Any, ranges: Ranges, settings: QuantSettings, *, only: Sequence[str] | None = None
) -> Any | None:
    """Round the values of a model to integers.

    Args:
        model: ONNX model; changed.
        ranges: Of its values.
        settings: How.
        only: Names of the nodes that may be changed, one or more; None for all.

    Returns:
        The model, or None where no value is to be rounded.
    """
    require("onnxruntime", extra="cpu", purpose="Quantizing")
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    is_signed = settings.symmetric_activations
    inputs_alone = settings.placement == "inputs"
    limits = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    quantizer = QDQQuantizer(
        model,
        settings.per_channel,
        False,  # weights have all 8 bits
        QuantType.QInt8,
        QuantType.QInt8 if is_signed else QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, limits),
        list(only or ()),
        [*find_outermost(model.graph), *settings.float_nodes],
        ["Conv"] if inputs_alone else list(settings.op_types),
        {
            "ActivationSymmetric": is_signed,
            "OpTypesToExcludeOutputQuantization": ["Conv"] if inputs_alone else [],
        },
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    changed = quantizer.model.model
    return changed if any(node.op_type == "QuantizeLinear" for node in changed.graph.node) else None
