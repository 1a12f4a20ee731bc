"""GPUs of AMD, in older builds."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit.built_in import built_in

PROVIDER = built_in(
    "ROCMExecutionProvider",
    rank=3,
    install="`pip install onnxruntime-rocm`, in place of onnxruntime",
)
