"""GPUs of NVIDIA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import built_in, preload_cuda

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions


def _configure(_path: Path, _options: EngineOptions) -> dict[str, str]:
    """Compute in FP32: since Ampere a GPU takes TF32 instead, which has a mantissa of 10 bits."""
    return {"use_tf32": "0"}


PROVIDER = built_in(
    "CUDAExecutionProvider", rank=1, extra="gpu", prepare=preload_cuda, configure=_configure
)
