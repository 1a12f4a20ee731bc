"""GPUs of NVIDIA through TensorRT; it compiles for minutes at its first start."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from yolokit.runtime.providers.toolkit.built_in import built_in, preload_cuda
from yolokit.runtime.providers.toolkit.compiled import claim_folder_for, open_again_without

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions

_NAME = "tensorrt"
_TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"


def _prepare(ort: Any) -> None:
    """Compute FP32 in FP32: on its own TensorRT takes TF32, and no option of onnxruntime says no.

    NVIDIA's libraries read this variable (docs.nvidia.com/deeplearning/tensorrt, TF32). It is not
    put into ``os.environ``, from which training in a process of its own would inherit it.
    """
    if _TF32_VARIABLE not in os.environ:
        os.putenv(_TF32_VARIABLE, "0")
    preload_cuda(ort)


def _configure(path: Path, options: EngineOptions) -> dict[str, str]:
    chosen = {"fp16": {"trt_fp16_enable": "1"}, "bf16": {"trt_bf16_enable": "1"}}
    folder = claim_folder_for(_NAME, path, options)
    kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
    return chosen.get(options.precision, {}) | (kept if folder is not None else {})


_BUILT_IN = built_in(
    "TensorrtExecutionProvider",
    extra="gpu",
    prepare=_prepare,
    configure=_configure,
    precisions=("fp32", "bf16", "fp16"),
)
PROVIDER = replace(_BUILT_IN, open=partial(open_again_without, _NAME, _BUILT_IN.open))
