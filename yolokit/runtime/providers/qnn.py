"""Accelerators of Qualcomm."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.plugin_library import plugged_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions

_PACKAGE = "onnxruntime_qnn"


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    """Say so where a model of FP32 is to be computed in FP16: that is its own default."""
    return {
        "backend_path": str(importlib.import_module(_PACKAGE).get_qnn_htp_path()),
        "enable_htp_fp16_precision": str(int(options.precision == "fp16")),
    }


PROVIDER = plugged_in(
    _PACKAGE,
    "QNNExecutionProvider",
    devices=("NPU",),
    configure=_configure,
    precisions=("fp32", "fp16"),
)
