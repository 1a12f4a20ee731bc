"""GPUs on Windows."""

from __future__ import annotations

from yolokit.runtime.providers.toolkit.built_in import built_in

PROVIDER = built_in(
    "DmlExecutionProvider",
    rank=4,
    install="`pip install onnxruntime-directml` on Windows, in place of onnxruntime",
)
