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
    save_graph(insert_integers(model, ranges, settings), dst)


def insert_integers(model: Any, ranges: Ranges, settings: QuantSettings) -> Any:
    """Return a model whose values are rounded to integers, in place of the one given.

    Args:
        model: ONNX model; changed.
        ranges: Of its values.
        settings: How.
    """
    require("onnxruntime", extra="cpu", purpose="Quantizing")
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    is_signed = settings.symmetric_activations
    limits = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    inputs_alone = settings.placement == "inputs"
    quantizer = QDQQuantizer(
        model,
        settings.per_channel,
        False,  # weights have all 8 bits
        QuantType.QInt8,
        QuantType.QInt8 if is_signed else QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, limits),
        [],
        [*find_outermost(model.graph), *settings.float_nodes],
        ["Conv"] if inputs_alone else list(settings.op_types),
        {
            "ActivationSymmetric": is_signed,
            "OpTypesToExcludeOutputQuantization": ["Conv"] if inputs_alone else [],
        },
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return quantizer.model.model
