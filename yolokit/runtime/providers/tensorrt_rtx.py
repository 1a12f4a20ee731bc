"""GPUs of NVIDIA, from RTX 30 on, through TensorRT for RTX."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit.built_in import refuse_tf32
from yolokit.runtime.providers.toolkit.compiled import claim_folder_for, open_with_kept
from yolokit.runtime.providers.toolkit.plugin_library import plugged_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import EngineOptions

_NAME = "tensorrt_rtx"


def _configure(path: Path, options: EngineOptions) -> dict[str, str]:
    refuse_tf32()
    folder = claim_folder_for(_NAME, path, options)
    return {} if folder is None else {"nv_runtime_cache_path": str(folder)}


_LIBRARY = plugged_in(
    "onnxruntime_ep_nv_tensorrt_rtx",
    "NvTensorRTRTXExecutionProvider",
    devices=("GPU",),
    configure=_configure,
)
PROVIDER = replace(_LIBRARY, open=partial(open_with_kept, _NAME, _LIBRARY.open))
