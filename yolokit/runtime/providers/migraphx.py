"""GPUs of AMD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import built_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    chosen = {"fp16": {"migraphx_fp16_enable": "1"}, "bf16": {"migraphx_bf16_enable": "1"}}
    return chosen.get(options.precision, {})


PROVIDER = built_in(
    "MIGraphXExecutionProvider",
    rank=2,
    configure=_configure,
    precisions=("fp32", "bf16", "fp16"),
    install="`pip install onnxruntime-migraphx`, in place of onnxruntime",
)
