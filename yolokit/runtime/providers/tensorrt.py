"""GPUs of NVIDIA through TensorRT; it compiles for minutes at its first start."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from yolokit.runtime.providers.toolkit.built_in import built_in, preload_cuda, refuse_tf32
from yolokit.runtime.providers.toolkit.compiled import claim_folder_for, open_with_kept

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions

_NAME = "tensorrt"


def _prepare(ort: Any) -> None:
    refuse_tf32()
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
PROVIDER = replace(_BUILT_IN, open=partial(open_with_kept, _NAME, _BUILT_IN.open))
