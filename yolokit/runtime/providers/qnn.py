"""Accelerators of Qualcomm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import built_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    """Say so where a model of FP32 is to be computed in FP16: that is its own default."""
    return {"enable_htp_fp16_precision": str(int(options.precision == "fp16"))}


PROVIDER = built_in(
    "QNNExecutionProvider",
    configure=_configure,
    precisions=("fp32", "fp16"),
    install="`pip install onnxruntime-qnn`, for devices of Qualcomm",
)
