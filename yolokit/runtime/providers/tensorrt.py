"""GPUs of NVIDIA through TensorRT; it compiles for minutes at its first start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import built_in, preload_cuda

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    chosen = {"fp16": {"trt_fp16_enable": "1"}, "bf16": {"trt_bf16_enable": "1"}}
    return chosen.get(options.precision, {})


PROVIDER = built_in(
    "TensorrtExecutionProvider",
    extra="gpu",
    prepare=preload_cuda,
    configure=_configure,
    precisions=("fp32", "bf16", "fp16"),
)
