"""GPUs of NVIDIA through TensorRT; it compiles for minutes at its first start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit.built_in import built_in, preload_cuda
from yolokit.runtime.providers.toolkit.compiled import claim_folder, drop_entry, name_entry

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions


def _name(path: Path, options: EngineOptions) -> str | None:
    """Name the folder of a model's engines: TensorRT tells those of another GPU by itself."""
    return name_entry(path, "tensorrt", str(_BUILT_IN.version()), options.precision)


def _configure(path: Path, options: EngineOptions) -> dict[str, str]:
    chosen = {"fp16": {"trt_fp16_enable": "1"}, "bf16": {"trt_bf16_enable": "1"}}
    kept: dict[str, str] = {}
    if options.cache is not None and (name := _name(path, options)) is not None:
        folder = claim_folder(options.cache, name)
        kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
    return chosen.get(options.precision, {}) | kept


def _open(path: Path, options: EngineOptions) -> Engine:
    """Open a model; where that fails, once more without the engines of earlier starts."""
    try:
        return _BUILT_IN.open(path, options)
    except InferenceError:
        name = None if options.cache is None else _name(path, options)
        if options.cache is None or name is None or not drop_entry(options.cache, name):
            raise
        return _BUILT_IN.open(path, options)


_BUILT_IN = built_in(
    "TensorrtExecutionProvider",
    extra="gpu",
    prepare=preload_cuda,
    configure=_configure,
    precisions=("fp32", "bf16", "fp16"),
)
PROVIDER = replace(_BUILT_IN, open=_open)
